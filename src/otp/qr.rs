//! QR codes (ISO/IEC 18004), rendered by `qrcode`.

use crate::core::{Error, ErrorKind};
use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, which readers need (ISO/IEC 18004 section 6.3.8).
const QUIET: usize = 4;
/// Pixels per module.
const SCALE: usize = 8;

/// Encodes at level M, which tolerates bad prints and photographs from the side.
fn encode(text: &str) -> Result<QrCode, Error> {
    QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| {
        Error::configuration("the names are too long for a QR code: shorten the issuer's")
    })
}

/// Renders an SVG element that can be embedded in a page.
pub(super) fn to_svg(text: &str) -> Result<String, Error> {
    let image = encode(text)?
        .render::<svg::Color<'_>>()
        .quiet_zone(true)
        .module_dimensions(SCALE as u32, SCALE as u32)
        .build();
    // An XML declaration is an error inside a page.
    Ok(match image.find("<svg") {
        Some(start) => image[start..].to_owned(),
        None => image,
    })
}

/// Renders a PNG with one bit per pixel.
pub(super) fn to_png(text: &str) -> Result<Vec<u8>, Error> {
    let code = encode(text)?;
    let (width, side) = (code.width(), (code.width() + 2 * QUIET) * SCALE);
    // White is 1.
    let line = side.div_ceil(8);
    let mut pixels = vec![0xff; line * side];
    let modules = code.to_colors();
    let dark = modules.iter().enumerate();
    for (at, _) in dark.filter(|(_, color)| **color == Color::Dark) {
        let (x, y) = (at % width + QUIET, at / width + QUIET);
        // At 8 pixels, a module is one byte wide.
        for row in y * SCALE..(y + 1) * SCALE {
            if let Some(byte) = pixels.get_mut(row * line + x) {
                *byte = 0;
            }
        }
    }
    write_png(side, &pixels).map_err(|error| {
        Error::new(ErrorKind::Internal, "a PNG cannot be written").with_source(error)
    })
}

fn write_png(side: usize, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut image = Vec::new();
    let side = side as u32;
    let mut encoder = png::Encoder::new(&mut image, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(image)
}
