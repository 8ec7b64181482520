//! A browser that follows redirects and keeps cookies, by host and port.

use std::collections::HashMap;
use url::Url;

#[derive(Default)]
pub(crate) struct Browser {
    cookies: HashMap<String, HashMap<String, String>>,
    /// The last page that was no redirect.
    pub(crate) page: String,
}

impl Browser {
    /// Where it ends up: at the first page, or on the way to a place that begins so, which is not
    /// visited.
    pub(crate) async fn follow(&mut self, start: &str, until: &str) -> String {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = http.build().unwrap();
        let mut url = Url::parse(start).unwrap();
        for _ in 0..20 {
            if url.as_str().starts_with(until) {
                return url.into();
            }
            let own = self.cookies.entry(url.authority().to_owned()).or_default();
            let cookies: Vec<_> =
                own.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = http.get(url.clone()).header("cookie", cookies.join("; "));
            let answer = answer.send().await.unwrap();
            for cookie in answer.headers().get_all("set-cookie") {
                let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                match value {
                    "" => own.remove(name),
                    value => own.insert(name.to_owned(), value.to_owned()),
                };
            }
            match answer.headers().get("location") {
                Some(location) => url = url.join(location.to_str().unwrap()).unwrap(),
                None => {
                    let status = answer.status();
                    self.page = answer.text().await.unwrap();
                    assert_eq!(status, 200, "{url}: {}", self.page);
                    return url.into();
                }
            }
        }
        panic!("redirects without an end, last to {url}");
    }
}
