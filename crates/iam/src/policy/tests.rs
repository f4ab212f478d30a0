//! Policies by example.

use entryway_access::{Caller, PrincipalArn};
use jiff::Timestamp;
use serde_json::json;

use super::*;

fn policy(text: &str) -> PolicyDocument {
    PolicyDocument::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// `*` may do everything, and one more statement.
fn allow_and(statement: &serde_json::Value) -> PolicyDocument {
    policy(
        &json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"}, statement,
        ]})
        .to_string(),
    )
}

const CLUSTER: &str = "arn:aws:eks:eu-west-1:111122223333:cluster/demo";

fn decide(document: &PolicyDocument, action: &str, resource: &str, context: &Context) -> Result<StatementRef, Denied> {
    let set = PolicySet { identity: vec![document], ..PolicySet::default() };
    evaluate(&set, &Request { action, resource, context })
}

fn identity(statement: usize) -> StatementRef {
    StatementRef { layer: Layer::Identity, policy: 0, statement }
}

#[test]
fn actions_and_resources() {
    for (elements, action, resource, allowed) in [
        (r#""Action":"eks:*","Resource":"*""#, "eks:DescribeCluster", CLUSTER, true),
        (r#""Action":"EKS:describeCLUSTER","Resource":"*""#, "eks:DescribeCluster", CLUSTER, true),
        (r#""Action":["eks:List*","eks:Describe?luster"],"Resource":"*""#, "eks:DescribeCluster", CLUSTER, true),
        (r#""Action":"eks:Describe","Resource":"*""#, "eks:DescribeCluster", CLUSTER, false),
        (r#""Action":"*","Resource":"*""#, "eks:DescribeCluster", CLUSTER, true),
        (r#""Action":"*:*","Resource":"*""#, "eks:DescribeCluster", CLUSTER, true),
        (r#""NotAction":"iam:*","Resource":"*""#, "eks:DescribeCluster", CLUSTER, true),
        (r#""NotAction":["iam:*","eks:D*"],"Resource":"*""#, "eks:DescribeCluster", CLUSTER, false),
        (r#""Action":"eks:*","Resource":"arn:aws:eks:*:*:cluster/de*""#, "eks:DescribeCluster", CLUSTER, true),
        (r#""Action":"eks:*","Resource":"arn:aws:eks:*:*:cluster/x*""#, "eks:DescribeCluster", CLUSTER, false),
        (r#""Action":"eks:*","Resource":"arn:aws:eks:*:*:cluster/*""#, "eks:ListClusters", "*", false),
        (r#""Action":"eks:*","Resource":["arn:aws:eks:*"]"#, "eks:DescribeCluster", CLUSTER, true),
        (r#""Action":"eks:*","NotResource":"arn:aws:eks:*:*:cluster/demo""#, "eks:DescribeCluster", CLUSTER, false),
        (r#""Action":"eks:*","NotResource":"arn:aws:eks:*:*:cluster/x""#, "eks:DescribeCluster", CLUSTER, true),
    ] {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{elements}}}}}"#);
        let expected = if allowed { Ok(identity(0)) } else { Err(Denied::Implicit(Layer::Identity)) };
        assert_eq!(decide(&policy(&text), action, resource, &Context::new()), expected, "{text}");
    }
}

#[test]
fn a_deny_wins_in_every_layer() {
    let all = policy(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#);
    let none = policy(r#"{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#);
    let deny = allow_and(&json!({"Effect": "Deny", "Action": "eks:*", "Resource": "*"}));
    let context = Context::new();
    let request = Request { action: "eks:DescribeCluster", resource: CLUSTER, context: &context };
    let explicit = |layer, policy| Err(Denied::Explicit(StatementRef { layer, policy, statement: 1 }));
    let implicit = |layer| Err(Denied::Implicit(layer));
    let decide =
        |identity: Vec<_>, boundary, session: Vec<_>| evaluate(&PolicySet { identity, boundary, session }, &request);
    assert_eq!(decide(vec![], None, vec![]), implicit(Layer::Identity));
    assert_eq!(decide(vec![&none, &all], None, vec![]), Ok(StatementRef { policy: 1, ..identity(0) }));
    assert_eq!(decide(vec![&all, &deny], None, vec![]), explicit(Layer::Identity, 1));
    assert_eq!(decide(vec![&all], Some(&all), vec![&all]), Ok(identity(0)));
    assert_eq!(decide(vec![&all], Some(&none), vec![&all]), implicit(Layer::Boundary));
    assert_eq!(decide(vec![&all], Some(&all), vec![&none]), implicit(Layer::Session));
    assert_eq!(decide(vec![&all], Some(&all), vec![&none, &all]), Ok(identity(0)));
    assert_eq!(decide(vec![&none], Some(&deny), vec![]), explicit(Layer::Boundary, 0));
    assert_eq!(decide(vec![&none], Some(&none), vec![&deny]), explicit(Layer::Session, 0));
    assert_eq!(decide(vec![&none], Some(&all), vec![&all]), implicit(Layer::Identity));
}

#[test]
fn refusals_have_the_words_of_aws() {
    let user = "arn:aws:sts::111122223333:assumed-role/Dev/jo";
    let text = |denied: Denied| denied.message(user, "eks:DescribeCluster", CLUSTER);
    let explicit = |layer| Denied::Explicit(StatementRef { layer, policy: 0, statement: 0 });
    let start = format!("User: {user} is not authorized to perform: eks:DescribeCluster on resource: {CLUSTER}");
    for (denied, end) in [
        (Denied::Implicit(Layer::Identity), " because no identity-based policy allows the eks:DescribeCluster action"),
        (Denied::Implicit(Layer::Boundary), " because no permissions boundary allows the eks:DescribeCluster action"),
        (Denied::Implicit(Layer::Session), " because no session policy allows the eks:DescribeCluster action"),
        (Denied::Implicit(Layer::Trust), ""),
        (explicit(Layer::Identity), " with an explicit deny in an identity-based policy"),
        (explicit(Layer::Boundary), " with an explicit deny in a permissions boundary"),
        (explicit(Layer::Session), " with an explicit deny in a session policy"),
        (explicit(Layer::Trust), " with an explicit deny in the role trust policy"),
    ] {
        assert_eq!(text(denied), format!("{start}{end}"));
    }
}

fn facts() -> Context {
    let mut context = Context::new();
    context
        .set("aws:username", "jo")
        .set("aws:SourceIp", "10.1.2.3")
        .set("v6", "2001:db8::1")
        .set("aws:CurrentTime", "2026-11-24T10:00:00Z")
        .set("aws:EpochTime", "1795514400")
        .set("aws:SecureTransport", "false")
        .set("aws:PrincipalArn", "arn:aws:iam::111122223333:role/team/Dev")
        .set("aws:PrincipalTag/team", "red")
        .set("x:n", "7.5")
        .set("x:bin", "aGk=")
        .set_all("x:many", ["a", "b"])
        .set_all("x:none", Vec::<String>::new());
    context
}

#[test]
fn conditions() {
    for (condition, holds) in [
        (r#"{"StringEquals":{"aws:username":"jo"}}"#, true),
        (r#"{"StringEquals":{"AWS:UserName":["x","jo"]}}"#, true),
        (r#"{"StringEquals":{"aws:username":"Jo"}}"#, false),
        (r#"{"StringEquals":{"aws:username":"j*"}}"#, false),
        (r#"{"StringEquals":{"x:absent":"jo"}}"#, false),
        (r#"{"StringEqualsIfExists":{"x:absent":"jo"}}"#, true),
        (r#"{"StringEqualsIfExists":{"aws:username":"x"}}"#, false),
        (r#"{"StringNotEquals":{"aws:username":["x","jo"]}}"#, false),
        (r#"{"StringNotEquals":{"aws:username":["x","y"]}}"#, true),
        (r#"{"StringNotEquals":{"x:absent":"jo"}}"#, true),
        (r#"{"StringNotEqualsIfExists":{"aws:username":"jo"}}"#, false),
        (r#"{"StringEqualsIgnoreCase":{"aws:username":"JO"}}"#, true),
        (r#"{"StringNotEqualsIgnoreCase":{"aws:username":"JO"}}"#, false),
        (r#"{"StringLike":{"aws:username":["x","j?"]}}"#, true),
        (r#"{"StringNotLike":{"aws:username":"j*"}}"#, false),
        (r#"{"StringEquals":{"aws:username":"jo","aws:PrincipalTag/Team":"red"}}"#, true),
        (r#"{"StringEquals":{"aws:username":"jo","aws:PrincipalTag/Team":"blue"}}"#, false),
        (r#"{"StringEquals":{"aws:username":"jo"},"Bool":{"aws:SecureTransport":"true"}}"#, false),
        (r#"{"StringEquals":{"aws:username":"${aws:username}"}}"#, true),
        (r#"{"StringEquals":{"aws:username":"${x:absent}"}}"#, false),
        (r#"{"StringNotEquals":{"aws:username":"${x:absent}"}}"#, false),
        (r#"{"StringNotEquals":{"aws:username":"${x:absent, 'y'}"}}"#, true),
        (r#"{"StringEquals":{"aws:username":"${x:absent, 'jo'}"}}"#, true),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/team/*"}}"#, true),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/Dev"}}"#, false),
        (r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}"#, true),
        (r#"{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/team/Dev"}}"#, false),
        (r#"{"ArnLike":{"aws:username":"*"}}"#, true),
        (r#"{"NumericEquals":{"x:n":7.5}}"#, true),
        (r#"{"NumericEquals":{"x:n":"7.50"}}"#, true),
        (r#"{"NumericNotEquals":{"x:n":"8"}}"#, true),
        (r#"{"NumericLessThan":{"x:n":"7.5"}}"#, false),
        (r#"{"NumericLessThanEquals":{"x:n":"7.5"}}"#, true),
        (r#"{"NumericGreaterThan":{"x:n":"7"}}"#, true),
        (r#"{"NumericGreaterThanEquals":{"x:n":"8"}}"#, false),
        (r#"{"NumericLessThan":{"aws:username":"8"}}"#, false),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-11-25T00:00:00Z"}}"#, true),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-11-24T10:00:00Z"}}"#, false),
        (r#"{"DateLessThanEquals":{"aws:CurrentTime":"2026-11-24T12:00:00+02:00"}}"#, true),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-11-24"}}"#, true),
        (r#"{"DateGreaterThanEquals":{"aws:EpochTime":1795514401}}"#, false),
        (r#"{"DateEquals":{"aws:EpochTime":"2026-11-24T10:00:00Z"}}"#, true),
        (r#"{"DateNotEquals":{"aws:EpochTime":"2026-11-24T10:00:00Z"}}"#, false),
        (r#"{"Bool":{"aws:SecureTransport":false}}"#, true),
        (r#"{"Bool":{"aws:SecureTransport":"False"}}"#, true),
        (r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":["192.168.0.0/16","10.0.0.0/8"]}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":"10.1.2.3"}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":"10.1.2.4/31"}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":"::/0"}}"#, false),
        (r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, false),
        (r#"{"NotIpAddress":{"aws:SourceIp":"11.0.0.0/8"}}"#, true),
        (r#"{"IpAddress":{"k:v6":"2001:db8::/32"}}"#, true),
        (r#"{"BinaryEquals":{"x:bin":"aGk="}}"#, true),
        (r#"{"BinaryEquals":{"x:bin":"aGkh"}}"#, false),
        (r#"{"Null":{"x:absent":"true"}}"#, true),
        (r#"{"Null":{"x:none":"true"}}"#, true),
        (r#"{"Null":{"aws:username":"true"}}"#, false),
        (r#"{"Null":{"aws:username":false}}"#, true),
        (r#"{"ForAllValues:StringEquals":{"x:many":["a","b","c"]}}"#, true),
        (r#"{"ForAllValues:StringEquals":{"x:many":["a","c"]}}"#, false),
        (r#"{"ForAllValues:StringEquals":{"x:absent":"a"}}"#, true),
        (r#"{"ForAllValues:StringEquals":{"x:none":"a"}}"#, true),
        (r#"{"ForAllValues:StringNotEquals":{"x:many":["c"]}}"#, true),
        (r#"{"ForAllValues:StringNotEquals":{"x:many":["a"]}}"#, false),
        (r#"{"ForAnyValue:StringEquals":{"x:many":["b","c"]}}"#, true),
        (r#"{"ForAnyValue:StringEquals":{"x:many":"c"}}"#, false),
        (r#"{"ForAnyValue:StringEquals":{"x:absent":"a"}}"#, false),
        (r#"{"ForAnyValue:StringEqualsIfExists":{"x:absent":"a"}}"#, true),
        (r#"{"ForAnyValue:StringNotEquals":{"x:many":"a"}}"#, true),
        (r#"{"ForAnyValue:StringNotEquals":{"x:many":["a","b"]}}"#, false),
        (r#"{"ForAnyValue:StringLike":{"x:many":"b*"}}"#, true),
    ] {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}}}"#
        );
        let mut context = facts();
        context.set("k:v6", "2001:db8::1");
        context.set_all("aws:MultiFactorAuthPresent", ["false"]);
        assert_eq!(decide(&policy(&text), "eks:X", CLUSTER, &context).is_ok(), holds, "{condition}");
    }
}

#[test]
fn an_unknown_variable_never_spares_from_a_deny() {
    let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:username": "${x:absent}"}}});
    assert_eq!(decide(&allow_and(&deny), "eks:X", CLUSTER, &facts()), Err(Denied::Explicit(identity(1))));
    let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*",
        "NotResource":"arn:aws:eks:*:*:cluster/${x:absent}"}}"#;
    assert_eq!(decide(&policy(allow), "eks:X", CLUSTER, &facts()), Err(Denied::Implicit(Layer::Identity)));
}

#[test]
fn variables_need_the_new_version() {
    let may = |version: &str| {
        let text = format!(
            r#"{{{version}"Statement":{{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::1:user/${{aws:username}}"}}}}"#
        );
        decide(&policy(&text), "iam:X", "arn:aws:iam::1:user/jo", &facts()).is_ok()
    };
    assert!(may(r#""Version":"2012-10-17","#));
    assert!(!may(r#""Version":"2008-10-17","#));
    assert!(!may(""));
}

#[test]
fn malformed_identity_policies() {
    let with = |elements: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{elements}}}]}}"#);
    let good = r#""Action":"eks:*","Resource":"*""#;
    let syntax = "Syntax errors in policy.";
    for (text, message) in [
        (String::new(), syntax),
        ("[]".into(), syntax),
        ("{}".into(), syntax),
        (r#"{"Version":"2012-10-17","Statement":[]}"#.into(), syntax),
        (r#"{"Version":"2012-10-17","Statement":["x"]}"#.into(), syntax),
        (r#"{"Version":"2013-10-17","Statement":[]}"#.into(), "Policy document must be version 2012-10-17 or greater."),
        (r#"{"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}"#.into(), syntax),
        (r#"{"Statement":{"Action":"*","Resource":"*"}}"#.into(), syntax),
        (r#"{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}"#.into(), syntax),
        (r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"},"Foo":1}"#.into(), syntax),
        (with(r#""Resource":"*""#), "Policy statement must contain actions."),
        (with(r#""Action":"eks:*""#), "Policy statement must contain resources."),
        (with(r#""Action":[],"Resource":"*""#), syntax),
        (with(r#""Action":"eks:*","NotAction":"iam:*","Resource":"*""#), syntax),
        (with(r#""Action":1,"Resource":"*""#), syntax),
        (
            with(r#""Action":"DescribeCluster","Resource":"*""#),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (with(r#""Action":"eks:a:b","Resource":"*""#), "Actions/Condition can contain only one colon."),
        (with(r#""Action":"ek*:a","Resource":"*""#), "Vendor ek* is not valid"),
        (with(r#""Action":"eks:","Resource":"*""#), syntax),
        (with(r#""Action":"eks:*","Resource":"demo""#), r#"Resource demo must be in ARN format or "*"."#),
        (
            with(r#""Action":"eks:*","Resource":"arn:aws:*:::x""#),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            with(r#""Action":"eks:*","Resource":"arn:moon:eks:::x""#),
            r#"Partition "moon" is not valid for resource "arn:moon:eks:::x"."#,
        ),
        (with(&format!(r#"{good},"Principal":"*""#)), "Policy document should not specify a principal."),
        (with(&format!(r#"{good},"Foo":"*""#)), syntax),
        (with(&format!(r#"{good},"Condition":[]"#)), syntax),
        (with(&format!(r#"{good},"Condition":{{"StringEquals":"x"}}"#)), syntax),
        (with(&format!(r#"{good},"Condition":{{"StringEquals":{{"a:b":[]}}}}"#)), syntax),
        (with(&format!(r#"{good},"Condition":{{"StringEquals":{{"a:b":null}}}}"#)), syntax),
        (
            with(&format!(r#"{good},"Condition":{{"StringEqual":{{"a:b":"c"}}}}"#)),
            "Invalid Condition type : StringEqual.",
        ),
        (
            with(&format!(r#"{good},"Condition":{{"ForSome:StringEquals":{{"a:b":"c"}}}}"#)),
            "Invalid Condition type : ForSome:StringEquals.",
        ),
        (
            with(&format!(r#"{good},"Condition":{{"NullIfExists":{{"a:b":"true"}}}}"#)),
            "Invalid Condition type : NullIfExists.",
        ),
        (
            with(&format!(r#"{good},"Condition":{{"DateLessThan":{{"a:b":"tomorrow"}}}}"#)),
            "Invalid value tomorrow for condition type DateLessThan.",
        ),
        (
            with(&format!(r#"{good},"Condition":{{"IpAddress":{{"a:b":"10.0.0.0/33"}}}}"#)),
            "Invalid value 10.0.0.0/33 for condition type IpAddress.",
        ),
        (
            with(&format!(r#"{good},"Sid":"a-b""#)),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
             [0-9A-Za-z]*",
        ),
        (
            format!(r#"{{"Statement":[{{"Sid":"a","Effect":"Allow",{good}}},{{"Sid":"a","Effect":"Deny",{good}}}]}}"#),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ] {
        let error = PolicyDocument::parse(&text).expect_err(&text);
        assert_eq!(error.to_string(), message, "{text}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(PolicyDocument::parse(&deep), Err(PolicyError::Syntax));
    assert_eq!(PolicyDocument::parse(&" ".repeat(MAX_POLICY_BYTES + 1)), Err(PolicyError::Syntax));
}

fn caller(arn: &str, user_id: &str) -> Caller {
    Caller::from_sts("111122223333", arn, user_id, "AKIAEXAMPLE").unwrap()
}

fn user() -> Caller {
    caller("arn:aws:iam::111122223333:user/team/jo", "AIDAEXAMPLE")
}

fn session() -> Caller {
    caller("arn:aws:sts::111122223333:assumed-role/Dev/jo", "AROAEXAMPLE:jo")
}

fn trust(effect: &str, principal: &serde_json::Value) -> serde_json::Value {
    json!({"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"})
}

fn trust_policy(statements: &[serde_json::Value]) -> TrustPolicy {
    TrustPolicy::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

#[test]
fn who_a_trust_policy_names() {
    let (user, session) = (user(), session());
    for (principal, user_named, session_named) in [
        (json!("*"), "direct", "direct"),
        (json!({"AWS": "*"}), "direct", "direct"),
        (json!({"AWS": "111122223333"}), "account", "account"),
        (json!({"AWS": "arn:aws:iam::111122223333:root"}), "account", "account"),
        (json!({"AWS": ["999999999999", "arn:aws:iam::111122223333:root"]}), "account", "account"),
        (json!({"AWS": "999999999999"}), "no", "no"),
        (json!({"AWS": "arn:aws-cn:iam::111122223333:root"}), "no", "no"),
        (json!({"AWS": "arn:aws-cn:iam::111122223333:role/Dev"}), "no", "no"),
        (json!({"AWS": "arn:aws:iam::111122223333:user/team/jo"}), "direct", "no"),
        (json!({"AWS": ["111122223333", "arn:aws:iam::111122223333:user/team/jo"]}), "direct", "account"),
        (json!({"AWS": "arn:aws:iam::111122223333:role/any/path/Dev"}), "no", "direct"),
        (json!({"AWS": "arn:aws:iam::999999999999:role/Dev"}), "no", "no"),
        (json!({"AWS": "arn:aws:sts::111122223333:assumed-role/Dev/jo"}), "no", "direct"),
        (json!({"AWS": "arn:aws:sts::111122223333:assumed-role/Dev/jim"}), "no", "no"),
        (json!({"Service": "ec2.amazonaws.com"}), "no", "no"),
        (json!({"Federated": "accounts.google.com"}), "no", "no"),
        (json!({"CanonicalUser": "abc"}), "no", "no"),
    ] {
        let policy = trust_policy(&[trust("Allow", &principal)]);
        let named = |caller| match policy.evaluate(Trustee::Aws(caller), "sts:AssumeRole", &Context::new()) {
            TrustVerdict::Direct(_) => "direct",
            TrustVerdict::Account(_) => "account",
            TrustVerdict::Denied(_) => "no",
        };
        assert_eq!((named(&user), named(&session)), (user_named, session_named), "{principal}");
    }
    let service = trust_policy(&[trust("Allow", &json!({"Service": ["ec2.amazonaws.com", "eks.amazonaws.com"]}))]);
    let verdict = |name| service.evaluate(Trustee::Service(name), "sts:AssumeRole", &Context::new());
    assert!(matches!(verdict("eks.amazonaws.com"), TrustVerdict::Direct(_)));
    assert!(matches!(verdict("lambda.amazonaws.com"), TrustVerdict::Denied(_)));
}

#[test]
fn a_trust_policy_denies_and_asks_conditions() {
    let denies = trust_policy(&[
        trust("Allow", &json!({"AWS": "111122223333"})),
        trust("Deny", &json!({"AWS": "arn:aws:iam::111122223333:user/team/jo"})),
    ]);
    let verdict = |policy: &TrustPolicy, caller: &Caller, context: &Context| {
        policy.evaluate(Trustee::Aws(caller), "sts:AssumeRole", context)
    };
    let found = StatementRef { layer: Layer::Trust, policy: 0, statement: 1 };
    assert_eq!(verdict(&denies, &user(), &Context::new()), TrustVerdict::Denied(Denied::Explicit(found)));
    assert!(matches!(verdict(&denies, &session(), &Context::new()), TrustVerdict::Account(_)));

    let spares = trust_policy(&[
        trust("Allow", &json!({"AWS": "111122223333"})),
        json!({"Effect": "Deny", "Action": "sts:AssumeRole",
            "NotPrincipal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:role/Dev"]}}),
    ]);
    assert!(matches!(verdict(&spares, &session(), &Context::new()), TrustVerdict::Account(_)));
    assert!(matches!(verdict(&spares, &user(), &Context::new()), TrustVerdict::Denied(Denied::Explicit(_))));

    let mut statement = trust("Allow", &json!({"AWS": "111122223333"}));
    statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": "x"}});
    let asks = trust_policy(&[statement]);
    let mut context = Context::new();
    assert_eq!(verdict(&asks, &user(), &context), TrustVerdict::Denied(Denied::Implicit(Layer::Trust)));
    context.set("sts:ExternalId", "x");
    assert!(matches!(verdict(&asks, &user(), &context), TrustVerdict::Account(_)));
}

#[test]
fn assuming_a_role() {
    let all = policy(r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}"#);
    let deny = allow_and(&json!({"Effect": "Deny", "Action": "sts:*", "Resource": "*"}));
    let other = policy(r#"{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#);
    let direct = trust_policy(&[trust("Allow", &json!({"AWS": "arn:aws:iam::111122223333:user/team/jo"}))]);
    let account = trust_policy(&[trust("Allow", &json!({"AWS": "111122223333"}))]);
    let stranger = trust_policy(&[trust("Allow", &json!({"AWS": "999999999999"}))]);
    let role: PrincipalArn = "arn:aws:iam::111122223333:role/Target".parse().unwrap();
    let foreign: PrincipalArn = "arn:aws:iam::999999999999:role/Target".parse().unwrap();
    let own = |identity: Vec<_>| PolicySet { identity, ..PolicySet::default() };
    let may = |role: &PrincipalArn, trust: &TrustPolicy, own: &PolicySet<'_>| {
        assume_role(&user(), role, trust, own, &Context::new())
    };
    assert_eq!(may(&role, &direct, &own(vec![])), Ok(()));
    assert_eq!(may(&role, &account, &own(vec![])), Err(Denied::Implicit(Layer::Identity)));
    assert_eq!(may(&role, &account, &own(vec![&all])), Ok(()));
    assert_eq!(may(&role, &stranger, &own(vec![&all])), Err(Denied::Implicit(Layer::Trust)));
    assert!(matches!(may(&role, &direct, &own(vec![&deny])), Err(Denied::Explicit(_))));
    assert_eq!(may(&foreign, &direct, &own(vec![])), Err(Denied::Implicit(Layer::Identity)));
    assert_eq!(may(&foreign, &direct, &own(vec![&all])), Ok(()));
    let bounded = PolicySet { boundary: Some(&other), ..own(vec![&all]) };
    assert_eq!(may(&role, &direct, &bounded), Err(Denied::Implicit(Layer::Boundary)));
}

#[test]
fn malformed_trust_policies() {
    let with = |elements: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{elements}}}]}}"#);
    let good = r#""Action":"sts:AssumeRole","Principal":{"AWS":"*"}"#;
    for (text, message) in [
        ("{".to_owned(), "This policy contains invalid Json"),
        (r#"{"Version":"2012-10-17"}"#.into(), "Missing required field Statement"),
        (with(r#""Action":"sts:AssumeRole""#), "Missing required field Principal"),
        (with(r#""Principal":"*""#), "Missing required field Action"),
        (with(&format!(r#"{good},"Resource":"*""#)), "Has prohibited field Resource"),
        (with(&format!(r#"{good},"Foo":"*""#)), "Unknown field Foo"),
        (
            with(r#""Action":"s3:GetObject","Principal":"*""#),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (with(r#""Action":"*","Principal":"*""#), "AssumeRole policy may only specify STS AssumeRole actions."),
        (
            with(r#""Action":"sts:AssumeRole","NotPrincipal":{"AWS":"111122223333"}"#),
            "Has prohibited field NotPrincipal",
        ),
        (with(r#""Action":"sts:AssumeRole","Principal":"x""#), r#"Invalid principal in policy: "STAR":"x""#),
        (
            with(r#""Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:role/*"}"#),
            r#"Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/*""#,
        ),
        (
            with(r#""Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/Dev/*"}"#),
            r#"Invalid principal in policy: "AWS":"arn:aws:sts::111122223333:assumed-role/Dev/*""#,
        ),
        (
            with(r#""Action":"sts:AssumeRole","Principal":{"Service":"*"}"#),
            r#"Invalid principal in policy: "Service":"*""#,
        ),
        (with(r#""Action":"sts:AssumeRole","Principal":{"Foo":"x"}"#), r#"Invalid principal in policy: "Foo":"x""#),
        (with(r#""Action":"sts:AssumeRole","Principal":{}"#), "Syntax errors in policy."),
    ] {
        let error = TrustPolicy::parse(&text).expect_err(&text);
        assert_eq!(error.to_string(), message, "{text}");
    }
    let named = trust_policy(&[trust("Allow", &json!({"AWS": ["111122223333", "*"], "Service": "a.b"}))]);
    assert_eq!(
        named.aws_principals(),
        [&AwsPrincipal::Account { id: "111122223333".parse().unwrap(), partition: None }, &AwsPrincipal::Anyone]
    );
}

#[test]
fn the_context_of_a_caller() {
    let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    let one = |context: &Context, key: &str| context.get(key).map(|values| values.join(","));
    let of_user = Context::of_caller(&user(), now);
    assert_eq!(one(&of_user, "aws:username").as_deref(), Some("jo"));
    assert_eq!(one(&of_user, "aws:principalarn").as_deref(), Some("arn:aws:iam::111122223333:user/team/jo"));
    assert_eq!(one(&of_user, "aws:userid").as_deref(), Some("AIDAEXAMPLE"));
    let of_session = Context::of_caller(&session(), now);
    assert_eq!(one(&of_session, "aws:username"), None);
    assert_eq!(one(&of_session, "aws:PrincipalArn").as_deref(), Some("arn:aws:iam::111122223333:role/Dev"));
    assert_eq!(one(&of_session, "aws:userid").as_deref(), Some("AROAEXAMPLE:jo"));
    assert_eq!(one(&of_session, "aws:PrincipalType").as_deref(), Some("AssumedRole"));
    assert_eq!(one(&of_session, "aws:CurrentTime").as_deref(), Some("2026-11-24T10:00:00Z"));
}
