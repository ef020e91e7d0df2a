//! x
fn main() {
    let a: Vec<String> = std::env::args().collect();
    for _ in 0..5 {
        let t = std::time::Instant::now();
        let p = workshop::exam::place::places(a[1].parse().unwrap(), &a[2]);
        eprintln!("{:?}", t.elapsed());
        if let Ok(p) = p {
            for p in p {
                println!("{p:?}");
                print!(
                    "{}",
                    workshop::exam::place::draw(
                        &p.spot,
                        "/work/wt/place".as_ref(),
                        "your thread waits here: recv on fd 7, nothing will arrive",
                        true
                    )
                );
            }
        } else {
            println!("{p:?}");
        }
    }
}
