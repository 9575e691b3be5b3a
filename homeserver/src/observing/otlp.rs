//! Spans as OTLP/HTTP carries them, in JSON
//! ([specification](https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding)).

use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use super::{posting::Request, spans::Span};

/// The kind of a span that answers a request, and of one inside (`SpanKind`).
const SERVER: u8 = 2;
const INTERNAL: u8 = 1;
/// The code of a status (`StatusCode`).
const UNSET: u8 = 0;
const ERROR: u8 = 2;

/// What is sent of some spans.
pub(super) fn request(url: &str, spans: &[Span]) -> Request {
    let resource = [("service.name", "hearth"), ("service.version", env!("CARGO_PKG_VERSION"))];
    let resource = resource.map(|(name, value)| attribute(name, value));
    let spans: Vec<Value> = spans.iter().map(written).collect();
    let body = json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "hearth" }, "spans": spans }],
    }] });
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
    Request { url: url.to_owned(), headers, body: body.to_string() }
}

fn attribute(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

fn written(span: &Span) -> Value {
    let attributes: Vec<Value> = span.fields.iter().map(|(name, value)| attribute(name, value)).collect();
    json!({
        "traceId": hex(&span.trace),
        "spanId": hex(&span.id),
        "parentSpanId": span.parent.map(|parent| hex(&parent)).unwrap_or_default(),
        "name": span.name,
        "kind": if span.parent.is_none() { SERVER } else { INTERNAL },
        // 64 bits are more than a number of JSON has.
        "startTimeUnixNano": span.begun.to_string(),
        "endTimeUnixNano": span.ended.to_string(),
        "attributes": attributes,
        "status": { "code": if span.failed { ERROR } else { UNSET } },
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
