//! Files that appear whole or not at all.

use crate::base::Problem;
use std::fs;
use std::path::Path;

/// Writes a file under a temporary name beside it, then renames it. Missing folders are made.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Problem::plain(format!("\"{}\" is no file name", path.display()), ""))?;
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = folder
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&temporary, bytes))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        Problem::plain(format!("cannot write {}: {error}", path.display()), "")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = std::env::temp_dir().join(format!("cutline-file-{}", std::process::id()));
        let path = folder.join("a/report.txt");
        for text in ["one", "two"] {
            write_file(&path, text.as_bytes()).expect("the folder can be written to");
            assert_eq!(fs::read_to_string(&path).expect("written"), text);
        }
        assert_eq!(fs::read_dir(folder.join("a")).expect("made").count(), 1);
        let refused = write_file(&path.join("below-a-file"), b"").expect_err("a file is no folder");
        assert!(refused.to_string().starts_with("cannot write"), "{refused}");
        let _ = fs::remove_dir_all(&folder);
    }
}
