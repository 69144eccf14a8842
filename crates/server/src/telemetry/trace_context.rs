//! The place of a span in a trace: W3C Trace Context, level 1, the header `traceparent`.

/// Length of the header in version 00.
const TEXT_LEN: usize = 55;

/// A span of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace, never zeros.
    pub trace_id: [u8; 16],
    /// The span, never zeros.
    pub span_id: [u8; 8],
    /// Whether the trace is recorded.
    pub is_sampled: bool,
}

impl TraceContext {
    /// Reads the header. What is malformed counts as none, as the standard says.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, rest) = text.split_at_checked(TEXT_LEN)?;
        let mut parts = head.split('-');
        let [version, trace_id, span_id, flags] =
            [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let [version] = bytes::<1>(version)?;
        // Later versions may add to the end, behind a dash.
        let is_whole = rest.is_empty() || (version != 0 && rest.starts_with('-'));
        let [flags] = bytes::<1>(flags)?;
        let context =
            Self { trace_id: bytes(trace_id)?, span_id: bytes(span_id)?, is_sampled: flags & 1 == 1 };
        let is_valid = context.trace_id != [0; 16] && context.span_id != [0; 8];
        (parts.next().is_none() && version != 0xff && is_whole && is_valid).then_some(context)
    }

    /// The first span of a new trace.
    pub fn random() -> Self {
        Self { trace_id: random(), span_id: random(), is_sampled: true }
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: random(), ..*self }
    }

    /// Whether this trace is one of `one_in` that are recorded.
    pub fn is_drawn(&self, one_in: u64) -> bool {
        let [.., a, b, c, d, e, f, g, h] = self.trace_id;
        u64::from_be_bytes([a, b, c, d, e, f, g, h]).is_multiple_of(one_in.max(1))
    }
}

/// Lower-case hexadecimal digits, and as many as it takes.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(is_plain) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Ids need to differ, and are no secrets: without random bytes, the trace has an id that others have as well.
    if getrandom::fill(&mut bytes).is_err() || bytes == [0; N] {
        bytes = [1; N];
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn headers_are_read_strictly() {
        let context = TraceContext::parse(GOOD).unwrap();
        assert_eq!(
            (context.trace_id[0], context.span_id, context.is_sampled),
            (0x4b, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7], true)
        );
        assert!(!TraceContext::parse(&GOOD.replace("-01", "-00")).unwrap().is_sampled);
        assert!(TraceContext::parse(&GOOD.replace("00-4", "cc-4")).is_some());
        assert!(TraceContext::parse(&format!("{}-more", GOOD.replace("00-4", "cc-4"))).is_some());
        for bad in [
            "",
            &GOOD[1..],
            &GOOD.to_uppercase(),
            &format!("{GOOD}-more"),
            &format!("{GOOD}0"),
            &GOOD.replace("00-4", "ff-4"),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &GOOD.replace('7', "é"),
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_of_a_trace_differ() {
        let (one, other) = (TraceContext::random(), TraceContext::random());
        assert_ne!(one.trace_id, other.trace_id);
        assert_eq!(one.child().trace_id, one.trace_id);
        assert_ne!(one.child().span_id, one.span_id);
        let drawn = (0..1000).filter(|_| TraceContext::random().is_drawn(4)).count();
        assert!((100..500).contains(&drawn), "{drawn}");
    }

    proptest! {
        #[test]
        fn any_header_is_handled(text in ".{0,70}") {
            let _ = TraceContext::parse(&text);
        }
    }
}
