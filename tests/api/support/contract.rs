//! The published document as a judge: a response that it does not describe fails the test, and so does one with a field
//! that nobody outside may see.

use std::sync::OnceLock;

use serde_json::Value;

use super::http::Reply;

/// The document that the server publishes.
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::from_str(&aftercare::openapi::json().unwrap()).unwrap())
}

/// One operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `GET`, `POST` ...
    pub method: String,
    /// The path with its `{parameters}`.
    pub path: String,
    /// Its id.
    pub id: String,
    /// What the document says of it.
    pub value: &'static Value,
}

impl Operation {
    /// Whether it needs no token.
    pub fn is_public(&self) -> bool {
        self.value.get("security").is_some()
    }

    /// Whether it takes a body.
    pub fn has_body(&self) -> bool {
        self.value.get("requestBody").is_some()
    }

    /// Its parameters in that place.
    pub fn parameters(&self, place: &str) -> Vec<String> {
        let parameters = self.value["parameters"].as_array().into_iter().flatten();
        let of_place = parameters.filter(|parameter| parameter["in"] == place);
        of_place.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// All operations.
pub fn operations() -> Vec<Operation> {
    let paths = document()["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &'static Value)| {
        let path = path.clone();
        item.as_object().unwrap().iter().map(move |(method, value)| Operation {
            method: method.to_uppercase(),
            path: path.clone(),
            id: value["operationId"].as_str().unwrap().to_owned(),
            value,
        })
    };
    paths.iter().flat_map(of_path).collect()
}

/// The operation of that id.
pub fn operation(id: &str) -> Operation {
    operations().into_iter().find(|operation| operation.id == id).unwrap_or_else(|| panic!("no operation {id}"))
}

fn find(method: &str, path: &str) -> Option<Operation> {
    let asked: Vec<&str> = path.split('?').next().unwrap().split('/').collect();
    let literals = |operation: &Operation| operation.path.split('/').filter(|part| !part.starts_with('{')).count();
    let fits = |operation: &Operation| {
        let known: Vec<&str> = operation.path.split('/').collect();
        let part_fits =
            |(known, asked): (&&str, &&str)| known == asked || (known.starts_with('{') && !asked.is_empty());
        operation.method == method && known.len() == asked.len() && known.iter().zip(&asked).all(part_fits)
    };
    operations().into_iter().filter(fits).max_by_key(literals)
}

/// Holds a response against the document.
pub fn check(method: &str, path: &str, reply: &Reply) {
    let content_type = reply.header("content-type").to_owned();
    if method == "HEAD" {
        assert!(reply.bytes.is_empty() && reply.status >= 400, "no operation of the document is a HEAD");
        return;
    }
    if reply.status >= 400 {
        assert_eq!(content_type, "application/problem+json", "{method} {path} gave {}: {}", reply.status, reply.text());
        judge(&document()["components"]["schemas"]["Problem"], &reply.json(), "problem").unwrap();
    }
    if content_type.ends_with("json") && path != "/openapi.json" {
        tells_no_secret(path, &reply.json());
    }
    let Some(operation) = find(method, path) else {
        let outside = ["/docs", "/open/"].iter().any(|prefix| path.starts_with(prefix));
        assert!(
            outside || matches!(reply.status, 404 | 405),
            "{method} {path} is not in the document and gave {}",
            reply.status
        );
        return;
    };
    let what = format!("{} ({method} {path}) gave {}", operation.id, reply.status);
    let described = operation.value["responses"].get(reply.status.to_string());
    let described =
        resolve(described.unwrap_or_else(|| panic!("{what}, which the document does not describe: {}", reply.text())));
    let Some(content) = described.get("content").and_then(Value::as_object) else {
        assert!(reply.bytes.is_empty(), "{what} with a body that the document does not describe");
        return;
    };
    let kind = content_type.split(';').next().unwrap();
    let media =
        content.get(kind).unwrap_or_else(|| panic!("{what} as {content_type}, which the document does not describe"));
    if kind.ends_with("json") {
        judge(&media["schema"], &reply.json(), "").unwrap_or_else(|why| panic!("{what}: {why} in {}", reply.text()));
    }
}

/// Fields that never leave the server. `content_hash` names a protocol's text and is no secret.
fn tells_no_secret(path: &str, body: &Value) {
    match body {
        Value::Object(fields) => {
            for (name, value) in fields {
                let secret = ["hash", "secret", "password", "epoch", "sealed"].iter().any(|word| name.contains(word));
                assert!(!secret || name == "content_hash", "{path} tells {name}");
                tells_no_secret(path, value);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| tells_no_secret(path, item)),
        Value::String(text) => assert!(!text.contains("$argon2"), "{path} tells a password's hash"),
        _ => {}
    }
}

fn resolve(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolve(document().pointer(reference.trim_start_matches('#')).unwrap()),
        None => value,
    }
}

/// Words that describe and do not judge.
const SILENT: [&str; 7] = ["description", "example", "examples", "title", "default", "$ref", "propertyNames"];

/// Judges a value by a schema. An object may have no field that the schema does not name; a word of the schema that is
/// not known here is an error, so that nothing goes unjudged.
pub fn judge(schema: &'static Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = resolve(schema);
    for (word, rule) in schema.as_object().ok_or("a schema must be an object")? {
        let holds = match word.as_str() {
            "type" => is_of_type(rule, value),
            "enum" => rule.as_array().unwrap().contains(value),
            "oneOf" => {
                let fitting = rule.as_array().unwrap().iter().filter(|one| judge(one, value, at).is_ok()).count();
                fitting == 1
            }
            "properties" | "required" | "additionalProperties" => match value.as_object() {
                Some(object) => return judge_object(schema, object, at),
                None => true,
            },
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    judge(rule, item, &format!("{at}/{index}"))?;
                }
                true
            }
            "format" => is_of_format(rule.as_str().unwrap(), value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
            "pattern" => {
                value.as_str().is_none_or(|text| regex::Regex::new(rule.as_str().unwrap()).unwrap().is_match(text))
            }
            word if SILENT.contains(&word) => true,
            word => return Err(format!("the test's judge does not know the schema's word {word}")),
        };
        if !holds {
            return Err(format!("{at} breaks {word} {rule}: {value}"));
        }
    }
    Ok(())
}

fn judge_object(schema: &'static Value, object: &serde_json::Map<String, Value>, at: &str) -> Result<(), String> {
    for required in schema["required"].as_array().into_iter().flatten() {
        if !object.contains_key(required.as_str().unwrap()) {
            return Err(format!("{at} lacks {required}"));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties");
    for (name, value) in object {
        let at = format!("{at}/{name}");
        match (properties.and_then(|properties| properties.get(name)), others) {
            (Some(known), _) => judge(known, value, &at)?,
            (None, Some(others)) if others.is_object() => judge(others, value, &at)?,
            (None, _) if properties.is_none() => {}
            _ => return Err(format!("{at} is not in the document")),
        }
    }
    Ok(())
}

fn is_of_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    };
    match rule {
        Value::String(name) => is(name),
        names => names.as_array().unwrap().iter().any(|name| is(name.as_str().unwrap())),
    }
}

fn is_of_format(format: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    match format {
        "uuid" => text.parse::<uuid::Uuid>().is_ok(),
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        "email" => text.contains('@'),
        "password" => true,
        other => panic!("unknown format {other}"),
    }
}
