//! Access keys of users.

use entryway_directory::{AccessKey, KeyStatus, Page, User};
use serde_json::json;

use super::super::xml::{Xml, second};
use super::super::{QueryError, Success, page};
use super::Call;

pub(super) async fn create(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.user_or_self()?;
    call.authorized::<User>(&name, |_| {}).await?;
    let made = call.account().create_access_key(&name, call.now()).await?;
    let mut xml = Xml::result();
    xml.nest("AccessKey", |inner| {
        inner
            .leaf("UserName", &made.key.user)
            .leaf("AccessKeyId", &made.key.id)
            .leaf("Status", made.key.status)
            .leaf("SecretAccessKey", made.secret.expose())
            .leaf("CreateDate", second(made.key.created));
    });
    let elements = json!({"accessKey": {
        "userName": made.key.user.as_str(),
        "accessKeyId": made.key.id,
        "status": made.key.status.as_str(),
        "createDate": second(made.key.created),
    }});
    Ok(Success { result: Some(xml), elements })
}

pub(super) async fn list(call: &Call<'_>) -> Result<Success, QueryError> {
    let user: User = call.authorized(&call.user_or_self()?, |_| {}).await?;
    let asked = page::requested(call.parameters(), call.action)?;
    let keys = Page::of(call.account().access_keys(&user.name).await?, |key: &AccessKey| key.id.clone(), &asked);
    let mut xml = Xml::result();
    xml.list("AccessKeyMetadata", &keys.items, |member, key| {
        member
            .leaf("UserName", &key.user)
            .leaf("AccessKeyId", &key.id)
            .leaf("Status", key.status)
            .leaf("CreateDate", second(key.created));
    });
    page::write(&mut xml, &keys, call.action);
    Ok(Success::of(xml))
}

pub(super) async fn update(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.user_or_self()?;
    let id = call.parameters().required("AccessKeyId")?;
    let status: KeyStatus = call.parameters().required("Status")?.parse()?;
    call.authorized::<User>(&name, |_| {}).await?;
    call.account().set_access_key_status(&name, id, status).await?;
    Ok(Success::done())
}

pub(super) async fn delete(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.user_or_self()?;
    let id = call.parameters().required("AccessKeyId")?;
    call.authorized::<User>(&name, |_| {}).await?;
    call.account().delete_access_key(&name, id).await?;
    Ok(Success::done())
}

/// When a key was last used is not kept: the answer is that of a key that never was.
pub(super) async fn last_used(call: &Call<'_>) -> Result<Success, QueryError> {
    let id = call.parameters().required("AccessKeyId")?;
    let key = call.account().access_key(id).await?;
    let Some(key) = key else {
        // No user to authorise on: only who may ask about every key is told that there is none.
        call.authorize("*", &format!("access key {id}"), |_| {})?;
        return Err(QueryError::new("NoSuchEntity", 404, format!("The Access Key with id {id} cannot be found.")));
    };
    let user: User = call.authorized(&key.user, |_| {}).await?;
    let mut xml = Xml::result();
    xml.leaf("UserName", &user.name).nest("AccessKeyLastUsed", |inner| {
        inner.leaf("ServiceName", "N/A").leaf("Region", "N/A");
    });
    Ok(Success::of(xml))
}
