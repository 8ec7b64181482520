//! The settings in the guides of `docs` are accepted.

use super::jam;

const GUIDES: [&str; 2] =
    [include_str!("../../../docs/mcp.md"), include_str!("../../../docs/sender-constrained.md")];
const VERIFIER: &str = "
    [jam.verifiers.users]
    preset = 'auth0'
    domain = 'acme.eu.auth0.com'
    audience = 'https://api.example.com'
";

#[tokio::test]
async fn each_section_of_a_guide_makes_an_authenticator() {
    let blocks = |guide: &'static str| guide.split("```toml\n").skip(1);
    let sections = GUIDES.iter().flat_map(|guide| blocks(guide));
    let mut count = 0;
    for section in sections.filter_map(|rest| rest.split("```").next()) {
        let file = format!("{VERIFIER}{section}");
        let built = jam(&file).and_then(|jam| jam.authenticator().map(drop));
        assert!(built.is_ok(), "{section}\n{built:?}");
        count += 1;
    }
    assert_eq!(count, 3);
}
