//! From a resource path to its handler, and what all handlers need: the type, the namespace, the form of the answer.

use axum::body::Bytes;
use axum::http::{Method, header};
use axum::response::Response;
use entryway_objects::body::Format;
use entryway_objects::registry::ResourceType;
use entryway_objects::status::Status;
use entryway_objects::table::IncludeObject;
use entryway_objects::{patch::PatchType, protobuf};
use entryway_store::Revision;
use serde_json::Value;

use crate::api::Call;
use crate::escalate::{Granting, RBAC};
use crate::failure::{Failure, unsupported_body_type, unsupported_route_type};
use crate::negotiate::{Offer, Output, negotiate};
use crate::request_info::ResourcePath;
use crate::respond::{self, Answer, Shape};
use crate::storage::Target;
use crate::{create, definitions, delete, list, namespaces, patch, reviews, streams, subresources, update, watch};

const BODY_TYPES: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// A call on a resource that exists.
pub(crate) struct ResourceCall {
    pub(crate) call: Call,
    pub(crate) path: ResourcePath,
    pub(crate) target: Target,
    pub(crate) output: Output,
}

/// Serves a resource path.
pub(crate) async fn serve(call: Call) -> Result<Response, Failure> {
    let Some(path) = call.info.resource.clone() else { return Err(Failure::NoPage) };
    let registry = call.api.registry.load_full();
    let Some(served) = registry.find(&path.group, &path.version, &path.resource) else {
        return Err(unknown(&call, &path));
    };
    // A namespaced path of a cluster's resource, or the other way round, is a path that nobody has.
    let in_namespace = !path.namespace.is_empty() && !path.is_of_namespace_itself();
    let across = path.name.is_empty() && matches!(call.info.verb.as_str(), "list" | "watch");
    if in_namespace != served.namespaced && !(served.namespaced && across) {
        return Err(match served.namespaced && !in_namespace && path.name.is_empty() {
            true => Status::method_not_allowed().into(),
            false => unknown(&call, &path),
        });
    }
    let target = Target::new(&registry, served);
    drop(registry);
    let verb = allowed_verb(&call, &path, &target.served)?;
    if verb == "patch" {
        check_patch_type(&call)?;
    }
    let offer = Offer {
        protobuf: protobuf::has_message(&target.served.api_version(), &target.served.kind),
        forms: matches!(path.subresource.as_str(), "" | "status"),
        stream: path.name.is_empty() && call.method == Method::GET,
    };
    let output = negotiate(&call.header(&header::ACCEPT), offer)?;
    let mut call = ResourceCall { call, path, target, output };
    let deprecation = call.target.served.deprecation();
    let mut response = if verb == "watch" {
        watch::serve(call).await?
    } else {
        let answer = call.dispatch(verb).await?;
        call.respond(answer)?
    };
    respond::add_warnings(response.headers_mut(), deprecation.as_slice());
    Ok(response)
}

/// The 404 of a resource that no type has.
fn unknown(call: &Call, path: &ResourcePath) -> Failure {
    if path.group.is_empty() || crate::non_resource::serves_built_in(call, &path.group) {
        Status::unknown_path().into()
    } else {
        Failure::NoPage
    }
}

/// The verb that the route serves, by path and method.
fn allowed_verb(call: &Call, path: &ResourcePath, served: &ResourceType) -> Result<&'static str, Failure> {
    let verb = ["create", "get", "list", "watch", "update", "patch", "delete", "deletecollection"]
        .into_iter()
        .find(|verb| *verb == call.info.verb)
        .ok_or_else(Status::method_not_allowed)?;
    if !path.rest.is_empty() && path.subresource != "proxy" {
        return Err(Status::unknown_path().into());
    }
    let verbs = if path.subresource.is_empty() {
        // A name belongs to the verbs of one object, and to no others.
        let of_one = matches!(verb, "get" | "update" | "patch" | "delete");
        if of_one == path.name.is_empty() && verb != "watch" {
            return Err(Status::method_not_allowed().into());
        }
        &served.verbs
    } else {
        &served.subresource(&path.subresource).ok_or_else(Status::unknown_path)?.verbs
    };
    if verbs.iter().any(|own| own == verb) {
        return Ok(verb);
    }
    Err(match &served.custom {
        Some(_) => method_not_supported(served, verb).into(),
        None => Status::method_not_allowed().into(),
    })
}

fn method_not_supported(served: &ResourceType, verb: &str) -> Status {
    let mut status = Status::method_not_allowed();
    status.message = format!("{verb} is not supported on resources of kind \"{}\"", served.group_resource());
    status
}

fn check_patch_type(call: &Call) -> Result<(), Failure> {
    match PatchType::of_content_type(&call.header(&header::CONTENT_TYPE)) {
        Some(_) => Ok(()),
        None => Err(unsupported_route_type().into()),
    }
}

impl ResourceCall {
    async fn dispatch(&mut self, verb: &str) -> Result<Answer, Failure> {
        let (plural, subresource) = (self.target.served.plural.clone(), self.path.subresource.clone());
        match (subresource.as_str(), verb) {
            ("", "create") if reviews::is_review(&self.target.served) => reviews::create(self).await,
            ("", "create") if plural == "bindings" && self.target.served.group.is_empty() => {
                subresources::bind(self).await
            }
            ("", "create") => create::create(self).await,
            ("", "get") => list::get(self).await,
            ("", "list") if plural == "componentstatuses" => Ok(list::nothing()),
            ("", "list") => list::list(self).await,
            ("", "update") => update::update(self, None).await,
            ("", "patch") => patch::patch(self, None).await,
            ("", "delete") => delete::delete(self).await,
            ("", "deletecollection") => delete::delete_collection(self).await,
            ("scale", verb) => subresources::scale(self, verb).await,
            ("token", "create") => subresources::token(self).await,
            ("eviction", "create") => subresources::evict(self).await,
            ("binding", "create") => subresources::bind(self).await,
            ("finalize", "update") if plural == "namespaces" => namespaces::finalize(self).await,
            ("log" | "exec" | "attach" | "portforward" | "proxy", _) => {
                streams::open(self, &plural, &subresource).await
            }
            (_, "get") => list::get(self).await,
            (subresource, "update") => update::update(self, Some(subresource)).await,
            (subresource, "patch") => patch::patch(self, Some(subresource)).await,
            (_, _) => Err(Status::method_not_allowed().into()),
        }
    }

    /// Encodes an answer as the client asked for it.
    pub(crate) fn respond(&self, answer: Answer) -> Result<Response, Failure> {
        respond::write(answer, &self.shape()?)
    }

    /// How answers to this request are shaped.
    pub(crate) fn shape(&self) -> Result<Shape<'_>, Failure> {
        let include = match self.call.query.get("includeObject") {
            None => IncludeObject::default(),
            Some(word) => IncludeObject::parse(word).ok_or_else(|| {
                Status::bad_request(format!("unrecognized includeObject value: {}", crate::text::quote(word)))
            })?,
        };
        Ok(Shape {
            resource: &self.target.served,
            output: self.output,
            include,
            pretty: self.call.is_pretty(),
            gzip: self.call.takes_gzip(),
            now: self.call.api.now(),
        })
    }

    /// The namespace of the path, for namespaced resources.
    pub(crate) fn namespace(&self) -> Option<&str> {
        (self.target.served.namespaced && !self.path.namespace.is_empty()).then_some(self.path.namespace.as_str())
    }

    /// 404 of the named object.
    pub(crate) fn not_found(&self) -> Failure {
        self.not_found_name(&self.path.name)
    }

    /// 404 of an object of this resource.
    pub(crate) fn not_found_name(&self, name: &str) -> Failure {
        crate::failure::gone_missing(&self.target.served.group, &self.target.served.plural, name)
    }

    /// 409 of the named object, with Kubernetes' usual words.
    pub(crate) fn modified(&self, name: &str) -> Status {
        Status::conflict(
            &self.target.served.group,
            &self.target.served.plural,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// The body and how it is written.
    pub(crate) fn body(&self) -> Result<(Format, Bytes), Failure> {
        let content_type = self.call.header(&header::CONTENT_TYPE);
        let format = Format::of_content_type(&content_type).ok_or_else(|| {
            let custom = self.target.served.custom.is_some();
            unsupported_body_type(if custom { "application/json, application/yaml" } else { BODY_TYPES })
        })?;
        Ok((format, self.call.body.clone()))
    }

    /// Refuses a write that would grant more than the caller has.
    pub(crate) fn check_escalation(&self, old: Option<&Value>, new: &Value) -> Result<(), Status> {
        let snapshot = self.call.api.config.authority.snapshot();
        Granting {
            snapshot: &snapshot,
            user: &self.call.user,
            resource: &self.target.served,
            path: &self.path,
            now: self.call.api.now(),
        }
        .check(old, new)
    }

    /// Waits until a write is in force where it decides access or types.
    pub(crate) async fn settle(&self, name: &str, revision: Revision) -> Result<(), Status> {
        let served = &self.target.served;
        let aws_auth = served.group.is_empty()
            && served.plural == "configmaps"
            && self.path.namespace == "kube-system"
            && name == "aws-auth";
        if served.group == RBAC || aws_auth {
            self.call.api.config.authority.reached(revision).await;
        }
        if served.plural == definitions::PLURAL && served.group == definitions::GROUP {
            definitions::refresh(&self.call.api).await?;
        }
        Ok(())
    }
}
