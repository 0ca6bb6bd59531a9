//! Reads HTTP/1.1 responses as `docker system dial-stdio` prints them, one after the other.

const MOST_HEADERS: usize = 64;

/// One answer of a daemon.
#[derive(Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Every whole response in a stream; what was cut off is left out.
pub fn responses(mut stream: &[u8]) -> Vec<Response> {
    let mut found = Vec::new();
    while let Some((response, rest)) = next(stream) {
        found.push(response);
        stream = rest;
    }
    found
}

fn next(stream: &[u8]) -> Option<(Response, &[u8])> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(stream).ok()? else {
        return None;
    };
    let status = head.code?;
    let header = |name: &str| {
        let mut all = head.headers.iter();
        let header = all.find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    let rest = &stream[length..];
    let chunked = header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
    let (body, rest) = if chunked {
        unchunk(rest)?
    } else {
        let length: usize = header("content-length")?.trim().parse().ok()?;
        let (body, rest) = rest.split_at_checked(length)?;
        (body.to_vec(), rest)
    };
    Some((Response { status, body }, rest))
}

fn unchunk(mut stream: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(stream)
        else {
            return None;
        };
        let size = usize::try_from(size).ok()?;
        let (chunk, rest) = stream.get(start..)?.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        stream = rest.strip_prefix(b"\r\n")?;
        if size == 0 {
            return Some((body, stream));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TWO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";

    #[test]
    fn pipelined_answers_are_told_apart() {
        let found = responses(TWO);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].status, &found[0].body[..]), (200, &b"{}"[..]));
        assert_eq!((found[1].status, &found[1].body[..]), (404, &b"abcde"[..]));
    }

    #[test]
    fn a_cut_answer_is_left_out() {
        for cut in 0..TWO.len() {
            assert!(responses(&TWO[..cut]).len() < 2, "cut at {cut}");
        }
        assert!(responses(b"Cannot connect to the Docker daemon").is_empty());
    }

    proptest! {
        #[test]
        fn no_stream_panics(noise in proptest::collection::vec(any::<u8>(), 0..300), at in 0..TWO.len()) {
            let _ = responses(&noise);
            let mut damaged = TWO.to_vec();
            damaged.splice(at..at, noise);
            let _ = responses(&damaged);
        }
    }
}
