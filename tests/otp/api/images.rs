//! The QR codes, read back as a camera would.

use jamguard::ErrorKind;
use jamguard::otp::{Enrolment, Otp, OtpAlgorithm, OtpSecret};

/// An image as light and dark pixels, square.
struct Pixels {
    side: usize,
    dark: Vec<bool>,
}

impl Pixels {
    fn of_png(file: &[u8]) -> Self {
        let decoder = png::Decoder::new(std::io::Cursor::new(file));
        let mut reader = decoder.read_info().unwrap();
        let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut buffer).unwrap();
        assert_eq!((info.width, info.bit_depth), (info.height, png::BitDepth::One));
        let side = info.width as usize;
        let pixel = |at: usize| {
            let (x, y) = (at % side, at / side);
            buffer[y * info.line_size + x / 8] & (0x80 >> (x % 8)) == 0
        };
        let dark = (0..side * side).map(pixel).collect();
        Self { side, dark }
    }

    /// Of the only path that `qrcode` draws: squares, each as `M x y h w v h H x V y`.
    fn of_svg(image: &str) -> Self {
        assert!(image.starts_with("<svg ") && image.ends_with("</svg>"), "{image}");
        let number = |name: &str| -> usize {
            let value = image.split(&format!(" {name}=\"")).nth(1).unwrap();
            value.split('"').next().unwrap().parse().unwrap()
        };
        let side = number("width");
        assert_eq!(number("height"), side);
        let mut dark = vec![false; side * side];
        let path = image.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
        for part in path.split('M').skip(1) {
            let numbers: Vec<usize> = part
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            let [left, top, width, height, ..] = numbers[..] else {
                panic!("{part}");
            };
            for y in top..top + height {
                dark[y * side + left..y * side + left + width].fill(true);
            }
        }
        Self { side, dark }
    }

    fn read(&self) -> String {
        let light = |x: usize, y: usize| if self.dark[y * self.side + x] { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(self.side, self.side, light);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        let (_, content) = grids[0].decode().unwrap();
        content
    }

    /// Light pixels around it.
    fn quiet(&self) -> usize {
        let clear = |edge: &usize| {
            let side = self.side;
            (0..side).all(|at| {
                let places =
                    [(at, *edge), (*edge, at), (at, side - 1 - edge), (side - 1 - edge, at)];
                places.iter().all(|(x, y)| !self.dark[y * side + x])
            })
        };
        (0..self.side / 2).take_while(clear).count()
    }
}

#[test]
fn both_images_say_the_uri() {
    let strong = Otp::totp().algorithm(OtpAlgorithm::Sha512).digits(8);
    for otp in [Otp::totp(), Otp::hotp(), strong] {
        let otp = otp.build().unwrap();
        for (issuer, name) in [("My App", "ann@example.com"), ("Käse & Söhne", "Ann/+ß?#")] {
            let enrolment = Enrolment::new(&otp, issuer, name).unwrap();
            let svg = Pixels::of_svg(&enrolment.qr_svg().unwrap());
            let png = Pixels::of_png(&enrolment.qr_png().unwrap());
            assert_eq!(svg.read(), enrolment.uri().expose());
            assert_eq!(png.read(), enrolment.uri().expose());
            // Four modules of eight pixels, as readers want it.
            assert_eq!((svg.quiet(), png.quiet()), (32, 32));
        }
    }
}

#[test]
fn an_enrolment_gives_nothing_away() {
    let secret = OtpSecret::generate().unwrap();
    let otp = Otp::totp().build().unwrap();
    let enrolment = Enrolment::of(secret.clone(), &otp, "My App", "ann").unwrap();
    assert_eq!(enrolment.secret(), &secret);
    let said = format!("{enrolment:?} {secret:?} {otp:?}");
    assert!(!said.contains(secret.to_base32().expose()), "{said}");
    assert!(!said.contains("otpauth"), "{said}");
}

/// The longest names that there may be are more than a QR code holds.
#[test]
fn names_that_fit_into_no_image_are_refused() {
    let otp = Otp::totp().build().unwrap();
    let enrolment = Enrolment::new(&otp, &"ß".repeat(128), &"ß".repeat(128)).unwrap();
    for error in [enrolment.qr_svg().unwrap_err(), enrolment.qr_png().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
    let long = Enrolment::new(&otp, &"a".repeat(256), &"b".repeat(256)).unwrap();
    assert_eq!(Pixels::of_png(&long.qr_png().unwrap()).read(), long.uri().expose());
}
