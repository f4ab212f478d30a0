//! Users.

use entryway_directory::{Name, NewUser, User};

use super::super::xml::Xml;
use super::super::{QueryError, Success, page};
use super::Call;
use super::named::{Detail, write_head, write_tail};

pub(super) async fn create(call: &Call<'_>) -> Result<Success, QueryError> {
    let parameters = call.parameters();
    let new = NewUser {
        name: Name::user(parameters.required("UserName")?)?,
        path: call.path()?,
        boundary: parameters.get("PermissionsBoundary").map(str::to_owned),
        tags: parameters.tags()?,
    };
    call.authorize_creation::<User>(&new.path, &new.name, &new.tags, new.boundary.as_deref())?;
    let user = call.account().create_user(new, call.now()).await?;
    let mut xml = Xml::result();
    xml.nest("User", |inner| write(inner, call, &user, Detail::Created));
    Ok(Success::of(xml))
}

pub(super) async fn get(call: &Call<'_>) -> Result<Success, QueryError> {
    let user: User = call.authorized(&call.user_or_self()?, |_| {}).await?;
    let mut xml = Xml::result();
    xml.nest("User", |inner| write(inner, call, &user, Detail::Whole));
    Ok(Success::of(xml))
}

pub(super) async fn list(call: &Call<'_>) -> Result<Success, QueryError> {
    let prefix = call.path_prefix()?;
    let arn = format!("arn:{}:iam::{}:user{prefix}", call.account().partition(), call.account().id());
    call.authorize(&arn, &arn, |_| {})?;
    let asked = page::requested(call.parameters(), call.action)?;
    let users = call.account().list::<User>(prefix, &asked).await?;
    let mut xml = Xml::result();
    xml.list("Users", &users.items, |member, user| write(member, call, user, Detail::Item));
    page::write(&mut xml, &users, call.action);
    Ok(Success::of(xml))
}

pub(super) async fn delete(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<User>()?;
    call.authorized::<User>(&name, |_| {}).await?;
    call.account().delete_user(&name).await?;
    Ok(Success::done())
}

pub(super) fn write(xml: &mut Xml, call: &Call<'_>, user: &User, detail: Detail) {
    write_head(xml, call, user, user.created);
    write_tail(xml, user, detail);
}
