//! The fields of a body, each in a row of a table.

use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{RefOr, Required, Schema};

use super::example::Example;
use super::{Piece, pieces};
use crate::api::description::DESCRIPTION;

/// A field or parameter.
pub struct Row {
    /// Its name.
    pub name: String,
    /// `query`, `path`, `header`; empty for a field.
    pub place: &'static str,
    /// What it holds, in words.
    pub kind: String,
    /// It has to be sent; always there in an answer.
    pub required: bool,
    /// What it means.
    pub about: Vec<Piece>,
    /// A value it may have.
    pub example: String,
    /// It is a file.
    pub is_file: bool,
    /// What else describes it.
    pub thing: Option<String>,
}

impl Row {
    /// A parameter's.
    pub fn of_parameter(parameter: &Parameter) -> Self {
        let mut row = Self::of(&parameter.name, parameter.schema.as_ref(), parameter.required == Required::True);
        row.about = pieces(parameter.description.as_deref().unwrap_or_default());
        row.place = match parameter.parameter_in {
            ParameterIn::Path => "path",
            ParameterIn::Header => "header",
            _ => "query",
        };
        row
    }

    fn of(name: &str, schema: Option<&RefOr<Schema>>, required: bool) -> Self {
        let value = schema.and_then(|schema| serde_json::to_value(schema).ok()).unwrap_or_default();
        let said = |key: &str| value.get(key).and_then(|said| said.as_str()).unwrap_or_default();
        let about = said("description");
        Self {
            name: name.to_owned(),
            place: "",
            kind: kind(&value),
            required,
            about: pieces(about.split("\n\n").next().unwrap_or_default()),
            example: schema.map(|schema| Example::of(schema).on_one_line()).unwrap_or_default(),
            is_file: said("format") == "binary",
            thing: schema.and_then(name_of),
        }
    }

    /// Whether an example of the call shows it.
    pub fn in_examples(&self) -> bool {
        !["after"].contains(&self.name.as_str())
    }
}

/// The fields of this schema; none where it is no object.
pub fn of(schema: &RefOr<Schema>) -> Vec<Row> {
    let Some(Schema::Object(object)) = resolved(schema) else { return Vec::new() };
    let row = |(name, schema): (&String, &RefOr<Schema>)| Row::of(name, Some(schema), object.required.contains(name));
    object.properties.iter().map(row).collect()
}

/// The scope that a call asks for.
pub fn scope(requirement: &SecurityRequirement) -> Option<String> {
    let value = serde_json::to_value(requirement).ok()?;
    value.as_object()?.values().find_map(|scopes| scopes.get(0)?.as_str()).map(str::to_owned)
}

/// What it is about.
pub fn about(schema: &RefOr<Schema>) -> Option<&str> {
    match resolved(schema)? {
        Schema::Object(object) => object.description.as_deref(),
        Schema::Array(array) => array.description.as_deref(),
        _ => None,
    }
}

/// The name of the schema that it, or each of its items, refers to.
pub fn name_of(schema: &RefOr<Schema>) -> Option<String> {
    let value = serde_json::to_value(schema).ok()?;
    let places = ["/$ref", "/items/$ref", "/additionalProperties/$ref"];
    let found = places.into_iter().find_map(|place| value.pointer(place)?.as_str());
    found?.strip_prefix("#/components/schemas/").map(str::to_owned)
}

/// A reference followed.
pub fn resolved(schema: &RefOr<Schema>) -> Option<&Schema> {
    match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(reference) => {
            let name = reference.ref_location.strip_prefix("#/components/schemas/")?;
            match DESCRIPTION.components.as_ref()?.schemas.get(name)? {
                RefOr::T(schema) => Some(schema),
                RefOr::Ref(_) => None,
            }
        }
    }
}

/// What a schema allows, in words.
fn kind(schema: &Value) -> String {
    let types: Vec<_> = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let has = |name: &str| types.contains(&name);
    let number = |name: &str| schema[name].as_f64();
    let mut words = if let Some(choices) = schema["enum"].as_array().filter(|choices| choices.len() < 6) {
        let choices: Vec<_> = choices.iter().filter_map(Value::as_str).collect();
        choices.join(", ")
    } else if has("array") {
        format!("list of {}", plural(&kind(&schema["items"])))
    } else if has("integer") {
        "number".to_owned()
    } else if has("string") {
        match schema["format"].as_str() {
            Some("binary") => "file",
            Some("date-time") => "time",
            Some("uri") => "address",
            Some("uuid") => "id",
            _ => "text",
        }
        .to_owned()
    } else if has("object") {
        "object".to_owned()
    } else if schema.get("oneOf").is_some() {
        "text, or list of texts".to_owned()
    } else {
        "object".to_owned()
    };
    words += &match (number("minLength").or(number("minimum")), number("maxLength").or(number("maximum"))) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (None, Some(most)) => format!(", at most {most}"),
        (Some(least), None) if least > 1.0 => format!(", at least {least}"),
        _ => String::new(),
    };
    if has("string") && number("maxLength").is_some() {
        words += " characters";
    }
    if let Some(most) = number("maxItems") {
        words += &format!(", at most {most}");
    }
    if has("null") {
        words += ", or null";
    }
    words
}

fn plural(kind: &str) -> String {
    match kind {
        "text" => "texts".to_owned(),
        "object" => "objects".to_owned(),
        other => other.replacen("text,", "texts,", 1),
    }
}
