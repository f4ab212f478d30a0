//! Roles.

use entryway_directory::{DEFAULT_SESSION_SECONDS, Name, NewRole, Role, RoleUpdate};

use super::super::xml::Xml;
use super::super::{QueryError, Success, page};
use super::Call;
use super::named::{Detail, encoded, write_head, write_tail};

pub(super) async fn create(call: &Call<'_>) -> Result<Success, QueryError> {
    let parameters = call.parameters();
    let new = NewRole {
        name: Name::role(parameters.required("RoleName")?)?,
        path: call.path()?,
        trust: parameters.required("AssumeRolePolicyDocument")?.to_owned(),
        description: parameters.get("Description").map(str::to_owned),
        max_session_seconds: parameters.number("MaxSessionDuration")?,
        boundary: parameters.get("PermissionsBoundary").map(str::to_owned),
        tags: parameters.tags()?,
    };
    call.authorize_creation::<Role>(&new.path, &new.name, &new.tags, new.boundary.as_deref())?;
    let role = call.account().create_role(new, call.now()).await?;
    let mut xml = Xml::result();
    xml.nest("Role", |inner| write(inner, call, &role, Detail::Created));
    Ok(Success::of(xml))
}

pub(super) async fn get(call: &Call<'_>) -> Result<Success, QueryError> {
    let mut role: Role = call.authorized(&call.name::<Role>()?, |_| {}).await?;
    role.trust = call.account().trust_shown(&role).await?;
    let mut xml = Xml::result();
    xml.nest("Role", |inner| write(inner, call, &role, Detail::Whole));
    Ok(Success::of(xml))
}

pub(super) async fn list(call: &Call<'_>) -> Result<Success, QueryError> {
    let prefix = call.path_prefix()?;
    let arn = format!("arn:{}:iam::{}:role{prefix}", call.account().partition(), call.account().id());
    call.authorize(&arn, &arn, |_| {})?;
    let asked = page::requested(call.parameters(), call.action)?;
    let roles = call.account().list::<Role>(prefix, &asked).await?;
    let mut xml = Xml::result();
    xml.list("Roles", &roles.items, |member, role| write(member, call, role, Detail::Item));
    page::write(&mut xml, &roles, call.action);
    Ok(Success::of(xml))
}

pub(super) async fn delete(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<Role>()?;
    call.authorized::<Role>(&name, |_| {}).await?;
    call.account().delete_role(&name).await?;
    Ok(Success::done())
}

pub(super) async fn update(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<Role>()?;
    let parameters = call.parameters();
    let change = RoleUpdate {
        description: parameters.get("Description").map(str::to_owned),
        max_session_seconds: parameters.number("MaxSessionDuration")?,
    };
    call.authorized::<Role>(&name, |_| {}).await?;
    call.account().update_role(&name, &change).await?;
    Ok(Success::of(Xml::result()))
}

pub(super) async fn update_description(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<Role>()?;
    let description = Some(call.parameters().required("Description")?.to_owned());
    call.authorized::<Role>(&name, |_| {}).await?;
    let role = call.account().update_role(&name, &RoleUpdate { description, max_session_seconds: None }).await?;
    let mut xml = Xml::result();
    xml.nest("Role", |inner| write(inner, call, &role, Detail::Created));
    Ok(Success::of(xml))
}

pub(super) async fn update_trust(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<Role>()?;
    let document = call.parameters().required("PolicyDocument")?;
    call.authorized::<Role>(&name, |_| {}).await?;
    call.account().update_trust(&name, document).await?;
    Ok(Success::done())
}

/// There are none; Terraform asks before it deletes a role.
pub(super) async fn instance_profiles(call: &Call<'_>) -> Result<Success, QueryError> {
    call.authorized::<Role>(&call.name::<Role>()?, |_| {}).await?;
    page::requested(call.parameters(), call.action)?;
    let mut xml = Xml::result();
    xml.texts("InstanceProfiles", [""; 0]).leaf("IsTruncated", false);
    Ok(Success::of(xml))
}

fn write(xml: &mut Xml, call: &Call<'_>, role: &Role, detail: Detail) {
    write_head(xml, call, role, role.created);
    xml.leaf("AssumeRolePolicyDocument", encoded(&role.trust)).optional("Description", role.description.as_ref());
    if detail != Detail::Created || role.max_session_seconds != DEFAULT_SESSION_SECONDS {
        xml.leaf("MaxSessionDuration", role.max_session_seconds);
    }
    write_tail(xml, role, detail);
    if detail == Detail::Whole {
        // When a role was last used is not kept; IAM tells so of one that never was.
        xml.nest("RoleLastUsed", |_| {});
    }
}
