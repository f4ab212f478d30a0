//! Groups of users.

use entryway_directory::{Group, Name, NewGroup, Page, User};

use super::super::xml::Xml;
use super::super::{QueryError, Success, page};
use super::Call;
use super::named::{Detail, Named, write_head};
use super::user;

pub(super) async fn create(call: &Call<'_>) -> Result<Success, QueryError> {
    let new = NewGroup { name: Name::group(call.parameters().required(Group::NAME)?)?, path: call.path()? };
    let arn = call.account().arn_of::<Group>(&new.path, &new.name);
    call.authorize(&arn, &arn, |_| {})?;
    let group = call.account().create_group(new, call.now()).await?;
    let mut xml = Xml::result();
    xml.nest("Group", |inner| write(inner, call, &group));
    Ok(Success::of(xml))
}

/// The group and a page of its members: what it takes to expand it.
pub(super) async fn get(call: &Call<'_>) -> Result<Success, QueryError> {
    let group: Group = call.authorized(&call.name::<Group>()?, |_| {}).await?;
    let asked = page::requested(call.parameters(), call.action)?;
    let position = |user: &User| user.name.as_str().to_ascii_lowercase();
    let members = Page::of(call.account().members(&group).await?, position, &asked);
    let mut xml = Xml::result();
    xml.nest("Group", |inner| write(inner, call, &group));
    xml.list("Users", &members.items, |member, found| user::write(member, call, found, Detail::Item));
    page::write(&mut xml, &members, call.action);
    Ok(Success::of(xml))
}

pub(super) async fn list(call: &Call<'_>) -> Result<Success, QueryError> {
    let prefix = call.path_prefix()?;
    let arn = format!("arn:{}:iam::{}:group{prefix}", call.account().partition(), call.account().id());
    call.authorize(&arn, &arn, |_| {})?;
    let asked = page::requested(call.parameters(), call.action)?;
    let groups = call.account().list::<Group>(prefix, &asked).await?;
    Ok(Success::of(listed(call, &groups)))
}

pub(super) async fn list_of_user(call: &Call<'_>) -> Result<Success, QueryError> {
    let user: User = call.authorized(&call.name::<User>()?, |_| {}).await?;
    let asked = page::requested(call.parameters(), call.action)?;
    let position = |group: &Group| group.name.as_str().to_ascii_lowercase();
    let groups = Page::of(call.account().groups_of(&user).await?, position, &asked);
    Ok(Success::of(listed(call, &groups)))
}

pub(super) async fn delete(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<Group>()?;
    call.authorized::<Group>(&name, |_| {}).await?;
    call.account().delete_group(&name).await?;
    Ok(Success::done())
}

pub(super) async fn add_user(call: &Call<'_>) -> Result<Success, QueryError> {
    let (group, user) = (call.name::<Group>()?, call.name::<User>()?);
    call.authorized::<Group>(&group, |_| {}).await?;
    call.account().add_to_group(&group, &user).await?;
    Ok(Success::done())
}

pub(super) async fn remove_user(call: &Call<'_>) -> Result<Success, QueryError> {
    let (group, user) = (call.name::<Group>()?, call.name::<User>()?);
    call.authorized::<Group>(&group, |_| {}).await?;
    call.account().remove_from_group(&group, &user).await?;
    Ok(Success::done())
}

fn listed(call: &Call<'_>, groups: &Page<Group>) -> Xml {
    let mut xml = Xml::result();
    xml.list("Groups", &groups.items, |member, group| write(member, call, group));
    page::write(&mut xml, groups, call.action);
    xml
}

fn write(xml: &mut Xml, call: &Call<'_>, group: &Group) {
    write_head(xml, call, group, group.created);
}
