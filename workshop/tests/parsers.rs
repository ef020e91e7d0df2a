//! What must hold for all bytes, not for a few: no bytes make a parser panic, and what one end writes
//! the other reads.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use socket_workshop::rpc::{Line, Request, parse_answer, read_line, write_answer, write_call};

#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
struct Argument {
    text: String,
}

proptest! {
    #[test]
    fn no_bytes_make_the_codec_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut line = Vec::new();
        let mut reader = &bytes[..];
        while read_line(&mut reader, &mut line, 64).unwrap() == Line::Whole {
            try_all(&line);
        }
        try_all(&bytes);
    }

    #[test]
    fn no_text_that_looks_like_json_makes_the_codec_panic(text in r#"(\{|\}|\[|\]|"|:|,|\\|id|method|params|null|[0-9eE+.-]|\PC){0,60}"#) {
        try_all(text.as_bytes());
        try_all(format!(r#"{{"method":"m","params":[{text}],"id":{text}}}"#).as_bytes());
    }

    #[test]
    fn what_a_client_writes_a_server_reads(method in "\\PC{0,20}", text in any::<String>(), id in any::<u64>()) {
        let mut out = Vec::new();
        let argument = Argument { text };
        write_call(&mut out, &method, &argument, id);
        prop_assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let request = Request::parse(&out[..out.len() - 1]).unwrap();
        prop_assert_eq!(request.method().unwrap(), method);
        prop_assert_eq!(request.argument::<Argument>().unwrap(), argument);
        prop_assert_eq!(request.id.map(RawValue::get).unwrap(), id.to_string());
    }
}

fn try_all(line: &[u8]) {
    if let Some(request) = Request::parse(line) {
        let _ = (request.method(), request.argument::<Argument>());
        write_answer(&mut Vec::new(), request.id, Err::<(), _>("no"));
    }
    let _ = parse_answer::<String>(line, 0);
}
