//! Tags of roles and users.

use entryway_directory::{DirectoryError, MAX_TAGS, Page, Tag, Tagged, Tags};

use super::super::xml::Xml;
use super::super::{QueryError, Success, page};
use super::named::{Named, write_tags};
use super::{Call, request_tags};

pub(super) async fn tag<H: Named + Tagged>(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<H>()?;
    let tags = call.parameters().tags()?;
    call.authorized::<H>(&name, |context| request_tags(context, &tags)).await?;
    call.account().tag::<H>(&name, &tags).await?;
    Ok(Success::done())
}

pub(super) async fn untag<H: Named + Tagged>(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<H>()?;
    let keys = tag_keys(call)?;
    call.authorized::<H>(&name, |context| {
        context.set_all("aws:TagKeys", keys.clone());
    })
    .await?;
    call.account().untag::<H>(&name, &keys).await?;
    Ok(Success::done())
}

pub(super) async fn list<H: Named + Tagged>(call: &Call<'_>) -> Result<Success, QueryError> {
    let holder: H = call.authorized(&call.name::<H>()?, |_| {}).await?;
    listed(call, holder.tags().unwrap_or(&Tags::default()))
}

/// The answer of ListRoleTags and its like.
pub(super) fn listed(call: &Call<'_>, tags: &Tags) -> Result<Success, QueryError> {
    let asked = page::requested(call.parameters(), call.action)?;
    let mut sorted: Vec<Tag> = tags.iter().cloned().collect();
    sorted.sort_by(|one, other| one.key.cmp(&other.key));
    let page = Page::of(sorted, |tag| tag.key.clone(), &asked);
    let mut xml = Xml::result();
    write_tags(&mut xml, &Tags::new(page.items.clone())?);
    page::write(&mut xml, &page, call.action);
    Ok(Success::of(xml))
}

/// `TagKeys`, in valid number.
pub(super) fn tag_keys(call: &Call<'_>) -> Result<Vec<String>, QueryError> {
    let keys = call.parameters().texts("TagKeys")?;
    if keys.len() > MAX_TAGS {
        let rule = format!("Member must have length less than or equal to {MAX_TAGS}");
        return Err(DirectoryError::constraint("tagKeys", rule).into());
    }
    Ok(keys)
}
