//! Entryway's own API: who signed in to a cluster, and what mapped them (`/entryway/v1/clusters/NAME/sign-ins`).

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::error::EksError;

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, EksError> {
    let cluster = call.find_cluster().await?;
    call.authorize_cluster(cluster.as_ref().map(|found| &found.record), |_| {})?;
    let page = call.page("")?;
    let running = call.running()?;
    let (all, whole) = running.sign_ins.all();
    let lines = all.iter().map(|one| {
        let (principal, source) = (one.principal.as_str(), one.source.as_str());
        let line = json!({
            "principalArn": principal,
            "source": source,
            "count": one.seen.count,
            "lastAt": one.seen.last.to_string(),
        });
        (format!("{principal} {source}"), line)
    });
    let mut sorted: Vec<(String, Value)> = lines.collect();
    sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut answer = call.paged("signIns", page.cut(sorted), "");
    answer.insert("since".to_owned(), json!(running.sign_ins.since().to_string()));
    answer.insert("complete".to_owned(), json!(whole));
    Ok(Answer::read(answer))
}
