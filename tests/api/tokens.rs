//! Access tokens: what is forged, dead, mistyped or out of date is refused; keys rotate without an outage; a change of
//! rights counts at once, on every node.

use aftercare::events::Actor;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aftercare::auth::{keys, store};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use aws_lc_rs::{hmac, rand};
use ground::encoding::{from_url_base64, url_base64};
use serde_json::{Value, json};

use crate::support::people::Person;
use crate::support::{Shared, TestApp};

/// The parts of a right token, and the key that signed it: what a forger can have at best.
struct Smithy {
    app: Shared,
    header: Value,
    claims: Value,
    key: Ed25519KeyPair,
    token: String,
}

fn part(value: &Value) -> String {
    url_base64(value.to_string().as_bytes())
}

fn read(part: &str) -> Value {
    serde_json::from_slice(&from_url_base64(part).unwrap()).unwrap()
}

impl Smithy {
    async fn new() -> (Self, Person) {
        let app = TestApp::start().await;
        let owner = app.clinic().await.owner;
        let token = owner.token().await;
        let parts: Vec<&str> = token.split('.').collect();
        let (header, claims) = (read(parts[0]), read(parts[1]));
        let stored = app.app.db.read(store::list_keys).await.unwrap();
        let private = app.app.secrets.unseal(&stored[0].sealed).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(&private).unwrap();
        (Self { app: Arc::clone(&app), header, claims, key, token }, owner)
    }

    fn sign_with(&self, key: &Ed25519KeyPair, header: &str, claims: &str) -> String {
        let message = format!("{header}.{claims}");
        format!("{message}.{}", url_base64(key.sign(message.as_bytes()).as_ref()))
    }

    /// Signed by the server's own key, so that nothing but the change can be what refuses it.
    fn signed(&self, header: &Value, claims: &Value) -> String {
        self.sign_with(&self.key, &part(header), &part(claims))
    }

    fn with_header(&self, field: &str, value: Value) -> String {
        let mut header = self.header.clone();
        header[field] = value;
        self.signed(&header, &self.claims)
    }

    fn with_claim(&self, field: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[field] = value;
        self.signed(&self.header, &claims)
    }

    fn without_claim(&self, field: &str) -> String {
        let mut claims = self.claims.clone();
        claims.as_object_mut().unwrap().remove(field);
        self.signed(&self.header, &claims)
    }

    /// All of them are refused, in the same words.
    async fn all_are_refused(&self, forged: &[(&str, String)]) {
        let mut bodies = BTreeSet::new();
        for (what, token) in forged {
            let reply = self.app.ask("GET", "/v1/clinic").bearer(token).send().await;
            assert_eq!(reply.status, 401, "{what} was taken: {token}");
            bodies.insert(reply.without_trace());
        }
        assert_eq!(bodies.len(), 1, "{bodies:?}");
    }
}

#[tokio::test]
async fn t08_twenty_four_forged_tokens_are_refused_in_the_same_words() {
    let (smithy, _) = Smithy::new().await;
    let same = smithy.signed(&smithy.header, &smithy.claims);
    smithy.app.ask("GET", "/v1/clinic").bearer(&same).send().await.must(200);
    let (header, claims) = (part(&smithy.header), part(&smithy.claims));
    let signature = smithy.token.rsplit('.').next().unwrap();
    let mine = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&rand::SystemRandom::new()).unwrap().as_ref())
        .unwrap();
    let my_jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": url_base64(mine.public_key().as_ref()) });
    let altered = |field: &str, value: Value| {
        let mut header = smithy.header.clone();
        header[field] = value;
        part(&header)
    };
    let unsigned = |alg: &str| format!("{}.{claims}.", altered("alg", json!(alg)));
    let hs256 = |secret: &[u8]| {
        let message = format!("{}.{claims}", altered("alg", json!("HS256")));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", url_base64(tag.as_ref()))
    };
    let public = smithy.key.public_key().as_ref().to_vec();
    let mut flipped = from_url_base64(signature).unwrap();
    flipped[10] ^= 1;
    let mut stolen = smithy.claims.clone();
    stolen["cid"] = json!("0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11");
    let twice = format!("{{\"sub\":\"0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11\",{}", &smithy.claims.to_string()[1..]);
    let forged = [
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg nOnE", unsigned("nOnE")),
        ("HS256 with the public key", hs256(&public)),
        ("HS256 with the public key's text", hs256(url_base64(&public).as_bytes())),
        ("RS256", smithy.with_header("alg", json!("RS256"))),
        ("ES256", smithy.with_header("alg", json!("ES256"))),
        ("an empty signature", format!("{header}.{claims}.")),
        ("no signature", format!("{header}.{claims}")),
        ("one bit flipped", format!("{header}.{claims}.{}", url_base64(&flipped))),
        ("other claims", format!("{header}.{}.{signature}", part(&stolen))),
        ("a key of mine", smithy.sign_with(&mine, &header, &claims)),
        ("jwk", smithy.sign_with(&mine, &altered("jwk", my_jwk), &claims)),
        ("jku", smithy.sign_with(&mine, &altered("jku", json!("https://evil.example/jwks.json")), &claims)),
        ("x5u", smithy.with_header("x5u", json!("https://evil.example/x.pem"))),
        ("x5c", smithy.with_header("x5c", json!(["MIIB"]))),
        ("kid is a path", smithy.with_header("kid", json!("../../../dev/null"))),
        ("kid is SQL", smithy.with_header("kid", json!("' OR 1=1--"))),
        ("kid is unknown", smithy.with_header("kid", json!("AAAAAAAAAAAAAAAA"))),
        ("no kid", {
            let mut header = smithy.header.clone();
            header.as_object_mut().unwrap().remove("kid");
            smithy.signed(&header, &smithy.claims)
        }),
        ("crit", smithy.with_header("crit", json!(["exp"]))),
        ("b64 false", smithy.with_header("b64", json!(false))),
        ("a claim twice", smithy.sign_with(&smithy.key, &header, &url_base64(twice.as_bytes()))),
        ("64 kB", format!("{}.{claims}.{signature}", url_base64(&vec![b' '; 6_000]))),
        ("another type", smithy.with_header("typ", json!("JWT"))),
        ("no type", smithy.with_header("typ", Value::Null)),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("padding", format!("{header}=.{claims}.{signature}")),
    ];
    assert!(forged.len() >= 24);
    smithy.all_are_refused(&forged).await;
    for scheme in ["", "Basic", "Bearer", "bearer  ", "Token"] {
        let reply = smithy.app.ask("GET", "/v1/clinic").header("authorization", scheme.trim_end()).send().await;
        reply.must_be_problem(401, "sign_in_needed");
    }
    let basic =
        smithy.app.ask("GET", "/v1/clinic").header("authorization", &format!("Basic {}", smithy.token)).send().await;
    basic.must_be_problem(401, "sign_in_needed");
}

#[tokio::test]
async fn t09_every_claim_is_there_typed_and_true() {
    let (smithy, _) = Smithy::new().await;
    let now = smithy.app.now().seconds();
    let mut forged: Vec<(&str, String)> = Vec::new();
    for claim in ["exp", "nbf", "iat", "iss", "aud", "sub", "jti", "sid", "epoch"] {
        forged.push((claim, smithy.without_claim(claim)));
        for wrong in [json!(null), json!([smithy.claims[claim]]), json!({}), json!(true)] {
            forged.push((claim, smithy.with_claim(claim, wrong)));
        }
    }
    for claim in ["exp", "nbf", "iat"] {
        for wrong in
            [json!(now.to_string()), json!(now as f64 + 0.5), json!(-1), json!(1e300), json!(i64::MAX), json!(u64::MAX)]
        {
            forged.push((claim, smithy.with_claim(claim, wrong)));
        }
    }
    forged.extend([
        ("exp is over", smithy.with_claim("exp", json!(now - 6))),
        ("nbf is to come", smithy.with_claim("nbf", json!(now + 6))),
        ("iat is to come", smithy.with_claim("iat", json!(now + 6))),
        ("a life of a day", smithy.with_claim("exp", json!(now + 86_400))),
        ("another audience", smithy.with_claim("aud", json!("https://other.example"))),
        ("two audiences", smithy.with_claim("aud", json!([crate::support::BASE_URL, "https://other.example"]))),
        ("another issuer", smithy.with_claim("iss", json!("https://other.example"))),
        ("another account", smithy.with_claim("sub", json!("0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11"))),
        ("another session", smithy.with_claim("sid", json!("0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11"))),
        ("another clinic", smithy.with_claim("cid", json!("0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11"))),
        ("no clinic", smithy.without_claim("cid")),
        ("another epoch", smithy.with_claim("epoch", json!(7))),
        ("a claim too many", smithy.with_claim("role", json!("owner"))),
    ]);
    smithy.all_are_refused(&forged).await;
}

#[tokio::test]
async fn t09_a_refresh_token_or_a_mailed_token_is_no_access_token() {
    let (smithy, owner) = Smithy::new().await;
    let refresh = smithy.app.app.secrets.refresh_token(owner.session.id.0, 0);
    smithy
        .all_are_refused(&[("refresh", refresh), ("mailed", "0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1wAk2n7l4m5Xc1b".to_owned())])
        .await;
    let access = json!({ "refresh_token": smithy.token });
    smithy.app.ask("POST", "/v1/auth/refresh").json(&access).send().await.must_name("/refresh_token", "too_long");
}

#[tokio::test]
async fn a_token_dies_after_its_five_minutes() {
    let (smithy, _) = Smithy::new().await;
    for (seconds, status) in [(0, 200), (300, 200), (4, 200), (2, 401)] {
        smithy.app.pass_seconds(seconds);
        assert_eq!(
            smithy.app.ask("GET", "/v1/clinic").bearer(&smithy.token).send().await.status,
            status,
            "after {seconds} more"
        );
    }
}

#[tokio::test]
async fn t10_keys_rotate_under_load_and_a_removed_key_counts_no_more() {
    let app = TestApp::start().await;
    let owner = app.clinic().await.owner;
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (app, owner, stop, asked) = (Arc::clone(&app), owner.clone(), Arc::clone(&stop), Arc::clone(&asked));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let me = app.person(owner.account, owner.session.clinic_id).await;
                    me.get("/v1/clinic").await.must(200);
                    asked.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        })
        .collect();
    let old_token = owner.token().await;
    let old_kid = read(old_token.split('.').next().unwrap())["kid"].as_str().unwrap().to_owned();
    let new_kid = app.app.act(Actor::Operator, keys::rotate).await.unwrap();
    let published = app.ask("GET", "/.well-known/jwks.json").send().await.must(200);
    let kids: Vec<&str> =
        published["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids.len(), 2, "the next key is published before it signs");
    assert!(kids.contains(&new_kid.as_str()) && kids.contains(&old_kid.as_str()));
    let still_old = app.person(owner.account, owner.session.clinic_id).await.token().await;
    assert_eq!(read(still_old.split('.').next().unwrap())["kid"], json!(old_kid));
    tokio::time::sleep(Duration::from_millis(300)).await;
    app.pass_seconds(61);
    let new_token = app.person(owner.account, owner.session.clinic_id).await.token().await;
    assert_eq!(read(new_token.split('.').next().unwrap())["kid"], json!(new_kid));
    for token in [&old_token, &new_token] {
        app.ask("GET", "/v1/clinic").bearer(token).send().await.must(200);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::SeqCst);
    for task in load {
        task.await.expect("no request failed");
    }
    assert!(asked.load(Ordering::SeqCst) > 20);
    let kid = old_kid.clone();
    app.app.act(Actor::Operator, move |ctx| keys::remove(ctx, &kid)).await.unwrap();
    app.ask("GET", "/v1/clinic").bearer(&old_token).send().await.must_be_problem(401, "sign_in_needed");
    app.ask("GET", "/v1/clinic").bearer(&new_token).send().await.must(200);
    let last = app.app.act(Actor::Operator, move |ctx| keys::remove(ctx, &new_kid)).await;
    assert!(last.is_err(), "the last key stays");
    app.ask("GET", "/v1/clinic").bearer(&new_token).send().await.must(200);
}

/// Asks until the token is refused; fails after a second.
async fn is_refused_within_a_second(app: &Shared, token: &str) {
    for _ in 0..20 {
        let status = app.ask("GET", "/v1/me").bearer(token).send().await.status;
        if status == 401 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a token whose rights are gone still counts after a second");
}

#[tokio::test]
async fn t12_a_change_of_rights_counts_at_once_here_and_within_a_second_on_another_node() {
    let app = TestApp::start().await;
    let other_node = TestApp::start_on(app.database.share(), |_| ()).await;
    let clinic = app.clinic().await;
    let coordinator_path = format!("/v1/clinic/members/{}", clinic.members[2]);
    let clinician_path = format!("/v1/clinic/members/{}", clinic.members[1]);
    let (coordinator, clinician) = (clinic.coordinator.token().await, clinic.clinician.token().await);
    for node in [&app, &other_node] {
        node.ask("GET", "/v1/me").bearer(&coordinator).send().await.must(200);
        node.ask("GET", "/v1/me").bearer(&clinician).send().await.must(200);
    }
    // A new role: what it may not do is refused with the very next request.
    let activate = "/v1/clinic/protocols/mn-face/versions/1/activate";
    app.ask("POST", activate).bearer(&clinician).send().await.must(200);
    clinic.owner.send_if("PATCH", &clinician_path, "\"v1\"", json!({ "role": "coordinator" })).await.must(200);
    app.ask("POST", activate).bearer(&clinician).send().await.must_be_problem(403, "not_allowed");
    // Gone from the clinic.
    clinic.owner.send_if("PATCH", &coordinator_path, "\"v1\"", json!({ "state": "removed" })).await.must(200);
    app.ask("GET", "/v1/me").bearer(&coordinator).send().await.must_be_problem(401, "sign_in_needed");
    is_refused_within_a_second(&other_node, &coordinator).await;
    let refresh = json!({ "refresh_token": app.app.secrets.refresh_token(clinic.coordinator.session.id.0, 0) });
    app.ask("POST", "/v1/auth/refresh").json(&refresh).send().await.must_be_problem(401, "sign_in_needed");
    // A new password.
    app.set_password(clinic.clinician.account, "a sentence that only I know").await;
    app.ask("GET", "/v1/me").bearer(&clinician).send().await.must_be_problem(401, "sign_in_needed");
    is_refused_within_a_second(&other_node, &clinician).await;
    // All sessions ended.
    let owner = clinic.owner.token().await;
    other_node.ask("GET", "/v1/me").bearer(&owner).send().await.must(200);
    clinic.owner.delete("/v1/me/sessions").await.must(204);
    app.ask("GET", "/v1/me").bearer(&owner).send().await.must_be_problem(401, "sign_in_needed");
    is_refused_within_a_second(&other_node, &owner).await;
}
