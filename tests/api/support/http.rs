//! PlanInput, and reading the answer. Every answer is held against the contract.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{TestApp, contract};

/// A request that is being put together.
pub struct Ask<'a> {
    app: &'a TestApp,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    is_checked: bool,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it came.
    pub bytes: Vec<u8>,
}

impl TestApp {
    /// Begins a request.
    pub fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        let method = method.parse().unwrap();
        Ask { app: self, method, path: path.to_owned(), headers: Vec::new(), body: None, is_checked: true }
    }

    /// The same for what the document does not describe: a HEAD, a page, an encoded body.
    pub fn ask_unchecked(&self, method: &str, path: &str) -> Ask<'_> {
        Ask { is_checked: false, ..self.ask(method, path) }
    }
}

impl Ask<'_> {
    /// With a token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").raw(body.to_string())
    }

    /// With these bytes.
    pub fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it.
    pub async fn send(self) -> Reply {
        let url = format!("http://{}{}", self.app.address, self.path);
        let mut request = self.app.client.request(self.method.clone(), url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap_or_else(|why| panic!("{} {}: {why:?}", self.method, self.path));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let reply = Reply { status, headers, bytes: response.bytes().await.unwrap().to_vec() };
        if self.is_checked {
            contract::check(self.method.as_str(), &self.path, &reply);
        }
        reply
    }
}

impl Reply {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The version that the ETag names, as `If-Match` takes it.
    pub fn version_tag(&self) -> String {
        let tag = self.header("etag");
        tag.split_once('.').map_or_else(|| tag.to_owned(), |(version, _)| format!("{version}\""))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|why| panic!("not JSON ({why}): {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body, if the status is the wanted one.
    #[track_caller]
    pub fn must(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// A problem of that status and code.
    #[track_caller]
    pub fn must_be_problem(&self, status: u16, code: &str) -> Value {
        let problem = self.must(status);
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }

    /// A 422 that names this field and this rule.
    #[track_caller]
    pub fn must_name(&self, pointer: &str, code: &str) {
        let problem = self.must_be_problem(422, "invalid");
        let errors = problem["errors"].as_array().unwrap();
        let named = errors.iter().any(|error| error["pointer"] == pointer && error["code"] == code);
        assert!(named, "{pointer} {code} is not among {}", problem["errors"]);
        assert!(errors.iter().all(|error| !error["detail"].as_str().unwrap().is_empty()), "{problem}");
    }

    /// The body without what names the request.
    pub fn without_trace(&self) -> String {
        let mut body = self.json();
        body.as_object_mut().unwrap().remove("trace_id").expect("a trace id");
        body.to_string()
    }
}
