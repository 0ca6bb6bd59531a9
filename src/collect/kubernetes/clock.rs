//! The API server's version, and its time from the same response.

use http::Request;
use http::header::DATE;
use jiff::{Timestamp, fmt::rfc2822};
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;
use kube::client::Body;

/// The version, and the seconds by which the server's clock is ahead of the local one.
pub(super) async fn version(client: &Client) -> Result<(Info, Option<i64>), kube::Error> {
    let request = Request::get("/version").body(Body::empty());
    let answer = client
        .send(request.map_err(kube::Error::HttpError)?)
        .await?;
    let now = Timestamp::now();
    let date = answer
        .headers()
        .get(DATE)
        .and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| rfc2822::parse(date).ok());
    let ahead = date.map(|date| date.timestamp().as_second() - now.as_second());
    if !answer.status().is_success() {
        // Let the client produce its usual error.
        return Ok((client.apiserver_version().await?, ahead));
    }
    let body = answer.into_body().collect_bytes().await?;
    let info = serde_json::from_slice(&body).map_err(kube::Error::SerdeError)?;
    Ok((info, ahead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        let date = rfc2822::parse("Tue, 24 Nov 2026 07:14:44 GMT").unwrap();
        assert_eq!(date.timestamp().as_second(), 1_795_504_484);
    }
}
