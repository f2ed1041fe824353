//! What the API gives of simulations, previews and differences describes itself.

use aftercare::documents::simulate::NewSimulation;
use authoring::preview::{NewPreview, Preview};
use authoring::{Diff, Simulation};
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Gives how many fields there are.
fn described<T: ToSchema + PartialSchema>() -> usize {
    let mut fields = 0;
    let mut schemas: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    for (name, schema) in schemas {
        let schema = serde_json::to_value(schema).unwrap();
        if let Some(properties) = schema["properties"].as_object() {
            assert!(schema["description"].is_string(), "{name}");
            fields += properties.len();
            for (field, property) in properties {
                let inside = property["oneOf"].as_array().into_iter().flatten(); // a reference that may be null
                let told = inside.chain([property]).any(|one| one["description"].is_string());
                assert!(told, "{name}.{field} has no description: {property}");
                let plain = ["string", "integer", "number", "boolean"].iter().any(|kind| {
                    property["type"] == **kind
                        || property["type"].as_array().is_some_and(|kinds| kinds.contains(&Value::from(*kind)))
                });
                let shown = property.get("example").or(property.get("examples")).or(property.get("format"));
                assert!(!plain || shown.is_some(), "{name}.{field} has no example: {property}");
            }
        }
    }
    fields
}

#[test]
fn every_field_has_a_description_and_every_plain_one_an_example() {
    let of = [
        described::<NewSimulation>(),
        described::<Simulation>(),
        described::<NewPreview>(),
        described::<Preview>(),
        described::<Diff>(),
    ];
    assert_eq!(of.iter().filter(|fields| **fields > 0).count(), of.len());
    assert!(of.iter().sum::<usize>() > 90, "{of:?}");
}
