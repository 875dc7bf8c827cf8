//! A picture as a list of plain shapes, and how it becomes SVG or PNG.
//!
//! Charts are laid out once, in points, and look the same in both formats: text is placed by its baseline,
//! measured with the embedded font. A PNG has [`SCALE`] pixels to a point, so that thin rows stay sharp.

use ab_glyph::{Font, FontRef, PxScale, point};
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, RGBColor, ShapeStyle, TextStyle};

/// Pixels to a point.
const SCALE: f64 = 2.0;

/// A color as red, green and blue.
pub type Color = (u8, u8, u8);

/// Colors that people with any color vision can tell apart (Okabe and Ito), and some greys.
#[allow(missing_docs)]
pub mod color {
    use super::Color;
    pub const BLACK: Color = (0x1a, 0x1a, 0x1a);
    pub const ORANGE: Color = (0xe6, 0x9f, 0x00);
    pub const SKY: Color = (0x56, 0xb4, 0xe9);
    pub const GREEN: Color = (0x00, 0x9e, 0x73);
    pub const YELLOW: Color = (0xf0, 0xe4, 0x42);
    pub const BLUE: Color = (0x00, 0x72, 0xb2);
    pub const VERMILLION: Color = (0xd5, 0x5e, 0x00);
    pub const PURPLE: Color = (0xcc, 0x79, 0xa7);
    /// For thin marks on the other colors; of Paul Tol's muted scheme, which has the same purpose.
    pub const WINE: Color = (0x88, 0x22, 0x55);
    pub const WHITE: Color = (0xff, 0xff, 0xff);
    pub const GREY: Color = (0x6b, 0x6b, 0x6b);
    pub const PALE: Color = (0xdc, 0xdc, 0xdc);
    pub const FAINT: Color = (0xf0, 0xf0, 0xf0);
}

/// One shape; all measures are in points from the upper left corner.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Shape {
    /// A filled rectangle.
    Rect { x: f64, y: f64, width: f64, height: f64, fill: Color },
    /// A line through points.
    Line { points: Vec<(f64, f64)>, width: f64, color: Color },
    /// A filled polygon.
    Polygon { points: Vec<(f64, f64)>, fill: Color },
    /// A line of text on a baseline; `anchor` 0 begins at `x`, 0.5 is centred on it, 1 ends there.
    Text { x: f64, y: f64, text: String, size: f64, anchor: f64, color: Color },
}

/// A drawing of a size, later shapes above earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// In points.
    pub width: f64,
    /// In points.
    pub height: f64,
    /// From the back to the front.
    pub shapes: Vec<Shape>,
}

impl Picture {
    /// An empty picture.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    /// Adds a filled rectangle.
    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Color) {
        self.shapes.push(Shape::Rect { x, y, width, height, fill });
    }

    /// Adds a line.
    pub fn line(&mut self, points: Vec<(f64, f64)>, width: f64, color: Color) {
        self.shapes.push(Shape::Line { points, width, color });
    }

    /// Adds a dashed vertical line.
    pub fn dashed(&mut self, x: f64, from: f64, to: f64, width: f64, color: Color) {
        let mut y = from;
        while y < to {
            self.line(vec![(x, y), (x, (y + 4.0).min(to))], width, color);
            y += 7.0;
        }
    }

    /// Adds a filled diamond around a point, with a white rim.
    pub fn diamond(&mut self, x: f64, y: f64, radius: f64, fill: Color) {
        for (radius, fill) in [(radius + 1.5, color::WHITE), (radius, fill)] {
            let points = vec![(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)];
            self.shapes.push(Shape::Polygon { points, fill });
        }
    }

    /// Adds text; see [`Shape::Text`].
    pub fn text(&mut self, x: f64, y: f64, text: impl Into<String>, size: f64, anchor: f64, color: Color) {
        self.shapes.push(Shape::Text { x, y, text: text.into(), size, anchor, color });
    }

    /// How wide a text is, in points.
    pub fn text_width(text: &str, size: f64) -> f64 {
        let font = font();
        let units: f32 = text.chars().map(|c| font.h_advance_unscaled(font.glyph_id(c))).sum();
        f64::from(units) * size / UNITS_PER_EM
    }

    /// The text, or as much of its beginning as fits into a width, with `…` at the end.
    pub fn fitted(text: &str, size: f64, width: f64) -> String {
        let mut text = text.to_owned();
        while Self::text_width(&text, size) > width && text.chars().count() > 2 {
            text = text.chars().take(text.chars().count() - 2).chain(['…']).collect();
        }
        text
    }

    /// The text in lines that fit into a width, broken at spaces.
    pub fn wrapped(text: &str, size: f64, width: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut().filter(|line| Self::text_width(&format!("{line} {word}"), size) <= width) {
                Some(line) => *line = format!("{line} {word}"),
                None => lines.push(Self::fitted(word, size, width)),
            }
        }
        lines
    }

    /// The picture as an SVG file.
    pub fn to_svg(&self) -> String {
        let mut svg = String::new();
        let (width, height) = self.pixels();
        self.draw(&mut SVGBackend::with_string(&mut svg, (width, height)), Format::Svg);
        // Drawn in pixels, shown in points.
        svg.replacen(
            &format!("width=\"{width}\" height=\"{height}\""),
            &format!("width=\"{}\" height=\"{}\"", f64::from(width) / SCALE, f64::from(height) / SCALE),
            1,
        )
    }

    /// The picture as a PNG file.
    ///
    /// # Panics
    ///
    /// Never: writing to memory does not fail.
    pub fn to_png(&self) -> Vec<u8> {
        let (width, height) = self.pixels();
        let mut pixels = vec![0xff; width as usize * height as usize * 3];
        self.draw(&mut BitMapBackend::with_buffer(&mut pixels, (width, height)), Format::Bitmap);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().expect("memory can be written to");
        writer.write_image_data(&pixels).expect("the buffer has the size of the picture");
        writer.finish().expect("memory can be written to");
        file
    }

    fn pixels(&self) -> (u32, u32) {
        ((self.width * SCALE).ceil() as u32, (self.height * SCALE).ceil() as u32)
    }

    fn draw<B: DrawingBackend>(&self, backend: &mut B, format: Format) {
        let (width, height) = self.pixels();
        fill_rect(backend, (0, 0), (width as i32, height as i32), color::WHITE);
        self.shapes.iter().for_each(|shape| draw_shape(backend, shape, format));
        let _ = backend.present();
    }
}

/// A text with its looks; see [`Shape::Text`].
struct Text<'a> {
    text: &'a str,
    size: f64,
    anchor: f64,
    color: Color,
}

#[derive(Clone, Copy)]
enum Format {
    Svg,
    Bitmap,
}

fn pixel(points: f64) -> i32 {
    (points * SCALE).round() as i32
}

fn rgb(color: Color) -> RGBColor {
    RGBColor(color.0, color.1, color.2)
}

/// Drawing into memory does not fail, so the results of single shapes are not looked at.
fn draw_shape<B: DrawingBackend>(backend: &mut B, shape: &Shape, format: Format) {
    let at = |points: &[(f64, f64)]| points.iter().map(|(x, y)| (pixel(*x), pixel(*y))).collect::<Vec<_>>();
    match shape {
        Shape::Rect { x, y, width, height, fill } => {
            let (from, to) = ((pixel(*x), pixel(*y)), (pixel(x + width), pixel(y + height)));
            fill_rect(backend, from, to, *fill);
        }
        Shape::Line { points, width, color } => draw_line(backend, &at(points), *width, *color),
        Shape::Polygon { points, fill } => {
            let _ = backend.fill_polygon(at(points), &ShapeStyle::from(&rgb(*fill)).filled());
        }
        Shape::Text { x, y, text, size, anchor, color } => {
            let text = Text { text, size: *size, anchor: *anchor, color: *color };
            match format {
                Format::Svg => svg_text(backend, (*x, *y), &text),
                Format::Bitmap => bitmap_text(backend, (*x, *y), &text),
            }
        }
    }
}

/// From the first to before the last pixel.
fn fill_rect<B: DrawingBackend>(backend: &mut B, from: (i32, i32), to: (i32, i32), color: Color) {
    if from.0 < to.0 && from.1 < to.1 {
        let _ = backend.draw_rect(from, to, &rgb(color).filled(), true);
    }
}

/// Horizontal and vertical stretches are rectangles, which are exact in both formats.
fn draw_line<B: DrawingBackend>(backend: &mut B, at: &[(i32, i32)], width: f64, color: Color) {
    let thick = pixel(width).max(1);
    for ends in at.windows(2) {
        let ((x0, y0), (x1, y1)) = (ends[0], ends[1]);
        if x0 != x1 && y0 != y1 {
            let _ = backend.draw_path([ends[0], ends[1]], &rgb(color).stroke_width(thick as u32));
            continue;
        }
        let (left, top) = (x0.min(x1) - thick / 2, y0.min(y1) - thick / 2);
        fill_rect(backend, (left, top), (left + (x1 - x0).abs() + thick, top + (y1 - y0).abs() + thick), color);
    }
}

/// Roboto as embedded; where an SVG is shown on a machine without it, the next best.
const FAMILY: &str = "Roboto, Arial, sans-serif";
const FONT: &[u8] = include_bytes!("fonts/Roboto-Regular.ttf");
const UNITS_PER_EM: f64 = 2048.0;

fn font() -> FontRef<'static> {
    FontRef::try_from_slice(FONT).expect("the embedded font is a font")
}

/// Text of an SVG: the backend writes the name of the font and leaves it to the viewer to draw it. It places
/// the text 0.76 em below the point given, and takes for its size 1.24 em.
fn svg_text<B: DrawingBackend>(backend: &mut B, (x, y): (f64, f64), text: &Text) {
    let h_pos = match text.anchor {
        ..0.25 => HPos::Left,
        0.25..0.75 => HPos::Center,
        _ => HPos::Right,
    };
    let (em, color) = (text.size * SCALE, rgb(text.color));
    let style = TextStyle::from((FAMILY, em * 1.24)).color(&color).pos(Pos::new(h_pos, VPos::Top));
    let _ = backend.draw_text(text.text, &style, (pixel(x), (y * SCALE - em * 0.76).round() as i32));
}

/// Text of a bitmap, glyph by glyph.
fn bitmap_text<B: DrawingBackend>(backend: &mut B, (x, y): (f64, f64), text: &Text) {
    let font = font();
    let em = text.size * SCALE;
    // The library takes for the size of a font the height of a line.
    let scale = PxScale::from((em * f64::from(font.height_unscaled()) / UNITS_PER_EM) as f32);
    let mut left = (x - text.anchor * Picture::text_width(text.text, text.size)) * SCALE;
    for c in text.text.chars() {
        let id = font.glyph_id(c);
        let at = point(left as f32, (y * SCALE).round() as f32);
        if let Some(outline) = font.outline_glyph(id.with_scale_and_position(scale, at)) {
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, cover| {
                let at = (corner.x as i32 + x as i32, corner.y as i32 + y as i32);
                let _ = backend.draw_pixel(at, rgb(text.color).mix(f64::from(cover.min(1.0))).to_backend_color());
            });
        }
        left += f64::from(font.h_advance_unscaled(id)) * em / UNITS_PER_EM;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Picture {
        let mut picture = Picture::new(60.0, 30.0);
        picture.rect(10.0, 10.0, 5.0, 5.0, color::BLUE);
        picture.text(55.0, 20.0, "µ×–…", 10.0, 1.0, color::BLACK);
        picture
    }

    #[test]
    fn both_formats_have_the_size_and_the_shapes() {
        let svg = sample().to_svg();
        assert!(svg.contains("width=\"60\" height=\"30\" viewBox=\"0 0 120 60\""), "{svg}");
        assert!(svg.contains("x=\"20\" y=\"20\" width=\"10\" height=\"10\"") && svg.contains("µ×–…"), "{svg}");
        let file = sample().to_png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
        let info = reader.next_frame(&mut pixels).expect("one frame");
        assert_eq!((info.width, info.height), (120, 60));
        let at = |x: usize, y: usize| &pixels[(y * 120 + x) * 3..][..3];
        assert_eq!((at(19, 20), at(20, 20), at(29, 29)), (&[255; 3][..], &[0, 0x72, 0xb2][..], &[0, 0x72, 0xb2][..]));
        assert_eq!((at(30, 29), at(29, 30)), (&[255; 3][..], &[255; 3][..]), "the last pixel does not belong to it");
    }

    #[test]
    fn text_is_measured_with_the_embedded_font() {
        assert!((Picture::text_width("nnnn", 10.0) - 4.0 * Picture::text_width("n", 10.0)).abs() < 0.3);
        assert!(Picture::text_width("iiii", 10.0) < Picture::text_width("mmmm", 10.0) / 2.0);
        let width = Picture::text_width("nine hundred", 10.0);
        assert_eq!(Picture::wrapped("nine hundred words", 10.0, width), ["nine hundred", "words"]);
        assert_eq!(Picture::fitted("nine hundred", 10.0, width), "nine hundred");
        assert!(Picture::fitted("nine hundred words", 10.0, width).ends_with('…'));
    }
}
