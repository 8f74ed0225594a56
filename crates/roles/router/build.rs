//! The web client is built beforehand, by npm. A build without it still compiles, with a page that says so.

use std::path::Path;

const PLACEHOLDER: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Althing</title>
<p>The server runs, but this build has no web client in it.
<p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, then build the server again.
";

fn main() {
    let dist = Path::new("../../../web/dist");
    let index = dist.join("index.html");
    if !index.exists() {
        let made = std::fs::create_dir_all(dist).and_then(|()| std::fs::write(&index, PLACEHOLDER));
        if let Err(error) = made {
            println!(
                "cargo::warning=web/dist has no web client, and the page that says so cannot be made: {error}"
            );
        }
    }
    println!("cargo::rerun-if-changed=../../../web/dist");
    println!("cargo::rerun-if-changed=build.rs");
}
