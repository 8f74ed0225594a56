//! The binary, what it says, and HTTP by hand.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_althing"));
    command.args(arguments).stdin(Stdio::null()).env_remove("ALTHING_CONFIG");
    command
}

pub(crate) fn althing(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub(crate) fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn check_fails(output: &Output, parts: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
}

pub(crate) fn get(to: &str, path: &str) -> String {
    say(to, &format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n"))
}

/// The answer, up to its end or as much as comes with the head of an upgrade.
pub(crate) fn say(to: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut bytes) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut bytes).unwrap();
        answer.push_str(&String::from_utf8_lossy(&bytes[..read]));
        if read == 0 || answer.starts_with("HTTP/1.1 101") && answer.contains("\r\n\r\n") {
            return answer;
        }
    }
}

pub(crate) fn path(path: &Path) -> String {
    path.display().to_string()
}
