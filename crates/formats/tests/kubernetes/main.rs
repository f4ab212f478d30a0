//! Kubernetes manifests: aws-auth with everything that is found broken in it, in all its containers; RBAC; the
//! controllers' custom resources.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests may stop at the first surprise, as tests do")]

mod aws_auth;
#[path = "../terraform/common.rs"]
mod common;
mod containers;
mod controllers;
mod rbac;

use entryway_formats::{Declared, DeclaredAwsAuth, Place, Read};

/// The aws-auth of the one cluster that a text is about.
pub(crate) fn aws_auth(read: &Read<Declared>) -> &DeclaredAwsAuth {
    let [cluster] = read.value.clusters.as_slice() else { panic!("one cluster: {:?}", read.diagnostics) };
    cluster.aws_auth.as_ref().expect("there is aws-auth")
}

pub(crate) fn at(place: Option<&Place>) -> String {
    place.map_or("-".to_owned(), |place| {
        let (line, column) = place.line_and_column();
        format!("{line}:{column}")
    })
}

/// The lines in force, each with its place.
pub(crate) fn lines(read: &Read<Declared>) -> Vec<String> {
    let aws_auth = aws_auth(read);
    let lines = aws_auth.map.roles.iter().chain(&aws_auth.map.users).zip(&aws_auth.places);
    let shown = lines.map(|(line, place)| {
        let who = match &line.principal {
            entryway_access::MappedPrincipal::Arn(arn) => arn.to_string(),
            entryway_access::MappedPrincipal::Unusable(text) => format!("?{text}"),
        };
        let groups: Vec<&str> = line.groups.iter().map(|group| group.as_str()).collect();
        let username = line.username.as_ref().map_or("-", |name| name.as_str());
        format!("{} {who} {username} [{}]", at(place.as_ref()), groups.join(", "))
    });
    let accounts = aws_auth.map.accounts.iter().map(|account| format!("account {account}"));
    shown.chain(accounts).collect()
}

/// What is wrong in it, with places in the file.
pub(crate) fn problems(read: &Read<Declared>) -> Vec<String> {
    let shown = |(problem, place): &(entryway_access::AwsAuthProblem, Option<Place>)| {
        let word = if problem.dropped { "dropped" } else { "noted" };
        format!("{} {word} {}", at(place.as_ref()), problem.message)
    };
    aws_auth(read).problems.iter().map(shown).collect()
}
