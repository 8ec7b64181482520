//! The configuration that jamlib really read.

use jamguard::ErrorKind;
use jamguard::config::{Document, Format};
use serde_json::Value;

/// Each output of the vectors. Ours is stricter in two things: a `$` without a brace is a plain
/// character (a password may begin with one), and a pointer to nothing is an error.
#[test]
fn the_config_vectors() {
    let file: Value = serde_json::from_str(include_str!("../../vectors/jamlib.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let vectors: Vec<_> = vectors.iter().filter(|v| v["kind"] == "config").collect();
    assert_eq!(vectors.len(), 1);
    for vector in vectors {
        let input = &vector["input"];
        let environment = input["env"].clone();
        let variable = move |name: &str| environment.get(name)?.as_str().map(str::to_owned);
        let text = input["text"].as_str().unwrap();
        let document = |text: &str| {
            let document = Document::from_str(text, Format::Toml).unwrap();
            document.with_variables(variable.clone())
        };
        // With braces: ours reads no variable without them.
        let braced = text.replace("\"$JAMV_S\"", "\"${JAMV_S}\"");
        assert_ne!(text, braced);
        for (pointer, output) in vector["output"].as_object().unwrap() {
            let pointer = pointer.strip_prefix("pointer=").unwrap();
            let read = document(&braced).read::<Value>(pointer);
            if *output == serde_json::json!({}) {
                assert_eq!(read.unwrap_err().kind(), ErrorKind::Configuration, "{pointer}");
                continue;
            }
            assert_eq!(read.unwrap(), *output, "{pointer}");
        }
        let plain: Value = document(text).read("jam").unwrap();
        assert_eq!(plain["jose"]["jwt"]["secret_key"], "$JAMV_S");
        assert_eq!(plain["jose"]["jwt"]["a"], "dflt");
        assert_eq!(plain["jose"]["jwt"]["b"], "p-sek-q");
    }
}
