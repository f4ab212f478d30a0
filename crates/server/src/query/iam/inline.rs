//! Inline policies of roles and users.

use entryway_directory::{Name, Page};

use super::super::xml::Xml;
use super::super::{QueryError, Success, page};
use super::Call;
use super::named::{Named, encoded};

pub(super) async fn put<H: Named>(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<H>()?;
    let policy = policy_name(call)?;
    let document = call.parameters().required("PolicyDocument")?;
    call.authorized::<H>(&name, |_| {}).await?;
    call.account().put_inline::<H>(&name, &policy, document).await?;
    Ok(Success::done())
}

pub(super) async fn get<H: Named>(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<H>()?;
    let policy = policy_name(call)?;
    let holder: H = call.authorized(&name, |_| {}).await?;
    let document = call.account().inline(&holder, &policy)?;
    let mut xml = Xml::result();
    xml.leaf(H::NAME, holder.name()).leaf("PolicyName", &policy).leaf("PolicyDocument", encoded(document));
    Ok(Success::of(xml))
}

pub(super) async fn list<H: Named>(call: &Call<'_>) -> Result<Success, QueryError> {
    let holder: H = call.authorized(&call.name::<H>()?, |_| {}).await?;
    let asked = page::requested(call.parameters(), call.action)?;
    let names = Page::of(holder.grants().inline.keys().cloned(), String::clone, &asked);
    let mut xml = Xml::result();
    xml.texts("PolicyNames", &names.items);
    page::write(&mut xml, &names, call.action);
    Ok(Success::of(xml))
}

pub(super) async fn delete<H: Named>(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<H>()?;
    let policy = policy_name(call)?;
    call.authorized::<H>(&name, |_| {}).await?;
    call.account().delete_inline::<H>(&name, &policy).await?;
    Ok(Success::done())
}

fn policy_name(call: &Call<'_>) -> Result<Name, QueryError> {
    Ok(Name::policy(call.parameters().required("PolicyName")?)?)
}
