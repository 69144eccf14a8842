//! Spans as OTLP has them: the message `ExportTraceServiceRequest` of opentelemetry-proto 1, in protobuf's binary form.
//!
//! Written by hand: it is one message of a dozen members, and the crates for it are many and change in step.

use super::Span;

/// `SPAN_KIND_SERVER`.
const SERVER: u64 = 2;
/// `STATUS_CODE_ERROR`.
const FAILED: u64 = 2;

/// The message for these spans of a service.
pub fn encode(service: &str, spans: &[Span]) -> Vec<u8> {
    let mut resource = Message::default();
    resource.message(1, &text_attribute("service.name", service));
    resource.message(1, &text_attribute("service.version", env!("CARGO_PKG_VERSION")));
    let mut scope = Message::default();
    scope.bytes(1, b"tozstore-server");
    let mut of_scope = Message::default();
    of_scope.message(1, &scope);
    for one in spans {
        of_scope.message(2, &span(one));
    }
    let mut of_resource = Message::default();
    of_resource.message(1, &resource);
    of_resource.message(2, &of_scope);
    let mut request = Message::default();
    request.message(1, &of_resource);
    request.0
}

fn span(span: &Span) -> Message {
    let begun_nanos = u64::try_from(span.begun.micros()).unwrap_or(0).saturating_mul(1000);
    let taken_nanos = u64::try_from(span.taken.as_nanos()).unwrap_or(u64::MAX);
    let store_micros = u64::try_from(span.store_taken.as_micros()).unwrap_or(u64::MAX);
    let mut message = Message::default();
    message.bytes(1, &span.context.trace_id);
    message.bytes(2, &span.context.span_id);
    if let Some(parent) = &span.parent {
        message.bytes(4, parent);
    }
    message.bytes(5, format!("{} {}", span.method, span.route).as_bytes());
    message.number(6, SERVER);
    message.fixed(7, begun_nanos);
    message.fixed(8, begun_nanos.saturating_add(taken_nanos));
    for attribute in [
        text_attribute("http.request.method", span.method),
        text_attribute("http.route", &span.route),
        number_attribute("http.response.status_code", span.status.into()),
        text_attribute("tozstore.request_id", &span.request_id),
        number_attribute("tozstore.store.jobs", span.store_jobs),
        number_attribute("tozstore.store.duration_us", store_micros),
    ] {
        message.message(9, &attribute);
    }
    if span.status >= 500 {
        let mut status = Message::default();
        status.number(3, FAILED);
        message.message(15, &status);
    }
    message
}

fn text_attribute(name: &str, text: &str) -> Message {
    let mut value = Message::default();
    value.bytes(1, text.as_bytes());
    attribute(name, &value)
}

fn number_attribute(name: &str, number: u64) -> Message {
    let mut value = Message::default();
    value.number(3, number);
    attribute(name, &value)
}

fn attribute(name: &str, value: &Message) -> Message {
    let mut attribute = Message::default();
    attribute.bytes(1, name.as_bytes());
    attribute.message(2, value);
    attribute
}

/// A message of protobuf.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    const VARINT: u64 = 0;
    const FIXED_64: u64 = 1;
    const LENGTH: u64 = 2;

    fn number(&mut self, member: u64, number: u64) {
        self.varint(member << 3 | Self::VARINT);
        self.varint(number);
    }

    fn fixed(&mut self, member: u64, number: u64) {
        self.varint(member << 3 | Self::FIXED_64);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, member: u64, bytes: &[u8]) {
        self.varint(member << 3 | Self::LENGTH);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, member: u64, message: &Self) {
        self.bytes(member, &message.0);
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_the_encoding_says() {
        let mut message = Message::default();
        // The examples of protobuf's documentation, and the end of the range.
        message.number(1, 150);
        message.bytes(2, b"testing");
        message.number(16, u64::MAX);
        let mut expected = vec![0x08, 0x96, 0x01, 0x12, 0x07];
        expected.extend_from_slice(b"testing");
        expected.extend_from_slice(&[0x80, 0x01]);
        expected.extend_from_slice(&[0xff; 9]);
        expected.push(0x01);
        assert_eq!(message.0, expected);
    }
}
