//! The requests of clients to one server.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

/// A server's clients, who share its connections.
pub struct Client {
    base: String,
    pub http: reqwest::Client,
}

/// A user logged in there.
#[derive(Clone)]
pub struct User {
    pub id: String,
    pub token: String,
}

impl Client {
    /// Clients of the server on that port of loopback.
    pub fn of_port(port: u16, timeout: Duration) -> Self {
        let http = reqwest::Client::builder().timeout(timeout).build().unwrap();
        Self { base: format!("http://127.0.0.1:{port}"), http }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request with a JSON answer: its status and body.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        user: Option<&User>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.http.request(method, self.url(path));
        if let Some(user) = user {
            request = request.bearer_auth(&user.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A call that must succeed.
    pub async fn ok(&self, method: Method, path: &str, user: Option<&User>, body: Option<Value>) -> Value {
        let (status, body) = self.call(method.clone(), path, user, body).await;
        assert_eq!(status, 200, "{method} {path}: {body}");
        body
    }

    /// Makes an account and logs it in.
    pub async fn register(&self, name: &str) -> User {
        let body =
            json!({ "username": name, "password": "a long password", "auth": { "type": "m.login.dummy" } });
        let made = self.ok(Method::POST, "/_matrix/client/v3/register", None, Some(body)).await;
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        User { id: text("user_id"), token: text("access_token") }
    }
}
