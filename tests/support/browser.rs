//! A browser that follows redirects, keeps cookies by host and port, and fills in forms.

use std::collections::HashMap;
use url::Url;

#[derive(Default)]
pub(crate) struct Browser {
    cookies: HashMap<String, HashMap<String, String>>,
    /// What it types into the fields of forms, by their names; without, it submits no forms.
    pub(crate) fields: Option<HashMap<String, String>>,
    /// The number of forms that it submitted.
    pub(crate) submitted: usize,
    /// The last page that was no redirect, and its status.
    pub(crate) page: String,
    pub(crate) status: u16,
}

impl Browser {
    /// A browser that submits forms, with `fields` typed in, and has `cookies` of a site.
    pub(crate) fn of_a_user(
        site: &str,
        cookies: &[String],
        fields: HashMap<String, String>,
    ) -> Self {
        let mut browser = Self { fields: Some(fields), ..Self::default() };
        let site = Url::parse(site).unwrap();
        cookies.iter().for_each(|cookie| browser.keep(&site, cookie));
        browser
    }

    fn keep(&mut self, url: &Url, cookie: &str) {
        let own = self.cookies.entry(url.authority().to_owned()).or_default();
        let (name, rest) = cookie.split_once('=').unwrap();
        match rest.split(';').next().unwrap() {
            "" => own.remove(name),
            value => own.insert(name.to_owned(), value.to_owned()),
        };
    }

    /// Where it ends up: at the first page without a form to submit, or on the way to a place that
    /// begins with `until`, which is not visited. All pages on the way must have the status 200.
    pub(crate) async fn follow(&mut self, start: &str, until: &str) -> String {
        let end = self.visit(start, until).await;
        assert_eq!(self.status, 200, "{end}: {}", self.page);
        end
    }

    /// As [`follow`](Self::follow), but the last page may have any status.
    pub(crate) async fn visit(&mut self, start: &str, until: &str) -> String {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = http.build().unwrap();
        let mut url = Url::parse(start).unwrap();
        let mut form: Option<String> = None;
        self.status = 200;
        for _ in 0..20 {
            if url.as_str().starts_with(until) {
                return url.into();
            }
            let own = self.cookies.entry(url.authority().to_owned()).or_default();
            let cookies: Vec<_> =
                own.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = match form.take() {
                None => http.get(url.clone()),
                Some(body) => http
                    .post(url.clone())
                    .header("content-type", "application/x-www-form-urlencoded")
                    .header("referer", url.as_str())
                    .body(body),
            };
            let request = request.header("accept", "text/html");
            let answer = request.header("cookie", cookies.join("; ")).send().await.unwrap();
            for cookie in answer.headers().get_all("set-cookie") {
                self.keep(&url, cookie.to_str().unwrap());
            }
            if let Some(location) = answer.headers().get("location") {
                url = url.join(location.to_str().unwrap()).unwrap();
                continue;
            }
            self.status = answer.status().as_u16();
            self.page = answer.text().await.unwrap();
            let Some(fields) = self.fields.as_ref().filter(|_| self.status == 200) else {
                return url.into();
            };
            let Some(found) = Form::of(&self.page) else { return url.into() };
            url = url.join(&found.action).unwrap();
            form = Some(found.body(fields));
            self.submitted += 1;
        }
        panic!("redirects without an end, last to {url}: {}", self.page);
    }
}

/// The first form of a page that is posted.
struct Form {
    action: String,
    values: Vec<(String, String)>,
}

impl Form {
    fn of(page: &str) -> Option<Self> {
        let mut elements = page
            .split('<')
            .skip_while(|element| !(element.starts_with("form") && is(element, "method", "post")));
        let form = elements.next()?;
        let action = attribute(form, "action").unwrap_or_default();
        let id = attribute(form, "id");
        let mut values = Vec::new();
        let mut is_inside = true;
        for element in elements {
            is_inside &= !element.starts_with("/form");
            // Fields elsewhere name the form that they belong to.
            if !is_inside && (id.is_none() || attribute(element, "form") != id) {
                continue;
            }
            let submits = is(element, "type", "submit") || element.starts_with("button");
            let field = element.starts_with("input") || element.starts_with("button");
            // One button is pressed, the first with a name.
            if field
                && !(submits && values.iter().any(|(_, _, button)| *button))
                && let Some(name) = attribute(element, "name")
            {
                values.push((name, attribute(element, "value").unwrap_or_default(), submits));
            }
        }
        let values = values.into_iter().map(|(name, value, _)| (name, value)).collect();
        Some(Self { action, values })
    }

    fn body(&self, fields: &HashMap<String, String>) -> String {
        let values =
            self.values.iter().map(|(name, value)| (name, fields.get(name).unwrap_or(value)));
        serde_urlencoded::to_string(values.collect::<Vec<_>>()).unwrap()
    }
}

fn is(element: &str, name: &str, value: &str) -> bool {
    attribute(element, name).is_some_and(|found| found.eq_ignore_ascii_case(value))
}

/// The value of an attribute in double quotes.
fn attribute(element: &str, name: &str) -> Option<String> {
    let start = format!("{name}=\"");
    let mut found = element.match_indices(&start).map(|(at, _)| element.split_at(at));
    let (_, rest) = found.find(|(before, _)| before.ends_with(char::is_whitespace))?;
    let value = rest[start.len()..].split('"').next()?;
    Some(value.replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&"))
}
