//! An example of what a schema describes, put together from the examples of its fields.

use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use super::fields::resolved;

/// A value, as JSON; its fields in the order of the schema.
pub struct Example(Json);

enum Json {
    Plain(Value),
    Object(Vec<(String, Json)>),
    List(Vec<Json>),
}

impl Example {
    /// One that this schema allows.
    pub fn of(schema: &RefOr<Schema>) -> Self {
        Self(json(schema, 0))
    }

    /// One without what need not be sent, as long as anything has to be.
    pub fn to_send(schema: &RefOr<Schema>) -> Self {
        let mut example = json(schema, 0);
        if let (Json::Object(fields), Some(Schema::Object(object))) = (&mut example, resolved(schema))
            && !object.required.is_empty()
        {
            fields.retain(|(name, _)| object.required.contains(name));
        }
        Self(example)
    }

    /// Over several lines.
    pub fn pretty(&self) -> String {
        written(&self.0, 0)
    }

    /// As it would stand in an address or a form.
    pub fn on_one_line(&self) -> String {
        match &self.0 {
            Json::Plain(Value::String(text)) => text.clone(),
            Json::Plain(value) => value.to_string(),
            // What is said of the thing itself shows more.
            Json::Object(_) => String::new(),
            Json::List(items) => match items.first() {
                Some(first @ Json::Plain(_)) => Self::on_one_line(&Self(first.copied())),
                _ => String::new(),
            },
        }
    }
}

impl Json {
    fn copied(&self) -> Self {
        match self {
            Self::Plain(value) => Self::Plain(value.clone()),
            Self::Object(_) | Self::List(_) => Self::Plain(Value::Null),
        }
    }
}

fn json(schema: &RefOr<Schema>, depth: usize) -> Json {
    // Nothing in the description holds itself, but nothing rules it out.
    let Some(schema) = resolved(schema).filter(|_| depth < 5) else { return Json::Plain(Value::Null) };
    let (example, examples) = match schema {
        Schema::Object(object) => (&object.example, &object.examples),
        Schema::Array(array) => (&array.example, &array.examples),
        Schema::OneOf(one) => (&one.example, &one.examples),
        _ => return Json::Plain(Value::Null),
    };
    if let Some(value) = example.as_ref().or(examples.first()) {
        return Json::Plain(value.clone());
    }
    match schema {
        Schema::Object(object) if !object.properties.is_empty() => {
            let field = |(name, schema): (&String, _)| (name.clone(), json(schema, depth + 1));
            Json::Object(object.properties.iter().map(field).collect())
        }
        Schema::Array(array) => match &array.items {
            utoipa::openapi::schema::ArrayItems::RefOrSchema(item) => Json::List(vec![json(item, depth + 1)]),
            utoipa::openapi::schema::ArrayItems::False => Json::List(Vec::new()),
        },
        _ => Json::Plain(Value::Null),
    }
}

fn written(json: &Json, depth: usize) -> String {
    let indent = "  ".repeat(depth + 1);
    let end = "  ".repeat(depth);
    match json {
        Json::Plain(value) => value.to_string(),
        Json::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{indent}{}: {}", Value::from(name.as_str()), written(value, depth + 1)))
                .collect();
            format!("{{\n{}\n{end}}}", fields.join(",\n"))
        }
        Json::List(items) => {
            let items: Vec<_> = items.iter().map(|item| written(item, depth + 1)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}
