//! `cargo bench --bench server`: builds a data set, runs the server and a load generator on this machine, and prints
//! ratios of one run. bench/README.md says what each line means.
//!
//! Settings by environment: PATIENTS (100000), SECONDS (8, per measurement), CONNECTIONS (32), DATA (bench/out/bench.db).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark measures with the machine's clock, prints, and stops at the first thing that is wrong"
)]

mod dataset;
mod load;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aftercare::app::App;
use aftercare::config::Config;
use aftercare::{server, today};
use ground::sql::Conn;
use ground::time::{Clock, Entropy};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECRET: &str = "a benchmark is no secret: 0123456789 abcdefghij";

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    aftercare::install_crypto();
    // cargo passes --bench; a first word that is none of its own names the one part to run.
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let patients = setting("PATIENTS", 100_000);
    let data = std::env::var("DATA").map_or_else(|_| PathBuf::from("bench/out/bench.db"), PathBuf::from);
    std::fs::create_dir_all(data.parent().unwrap()).unwrap();
    dataset::build_once(&data, patients);
    let parts: [(&str, Part); 7] = [
        ("start", start_up),
        ("queries", queries),
        ("today", reads),
        ("five", five),
        ("check-ins", writes),
        ("planner", planner),
        ("migration", migration),
    ];
    for (_, part) in parts.iter().filter(|(name, _)| wanted(name)) {
        part(&fresh_copy(&data));
    }
}

/// A part of the benchmark, on a data set of its own.
type Part = fn(&Path);

/// Each part works on a copy, so that none finds what another has left.
fn fresh_copy(data: &Path) -> PathBuf {
    let copy = data.with_extension("copy.db");
    for suffix in ["-wal", "-shm"] {
        let mut name = copy.as_os_str().to_owned();
        name.push(suffix);
        drop(std::fs::remove_file(name));
    }
    std::fs::copy(data, &copy).unwrap();
    copy
}

fn config(data: &Path, commit_singly: bool) -> Config {
    Config {
        database_url: format!("sqlite:{}", data.display()),
        base_url: "http://127.0.0.1:1".to_owned(),
        secret: SECRET.to_owned().into(),
        mail: "memory".to_owned().into(),
        access_token_seconds: 900,
        requests_per_minute: 0,
        commit_singly,
        log: "error".to_owned(),
        ..Config::default()
    }
}

fn app(data: &Path, commit_singly: bool) -> App {
    App::new(config(data, commit_singly), Clock::System, Entropy::System).unwrap()
}

/// The same at eight in the evening in London, the next one: what a day asks depends on the hour.
fn in_the_evening(data: &Path) -> App {
    let now = Clock::System.now();
    let at = now.plus_seconds(72_000 - now.timestamp().as_second().rem_euclid(86_400)); // 20:00 UTC
    let at = if at < now { at.plus_seconds(86_400) } else { at };
    App::new(config(data, false), Clock::fixed(at), Entropy::System).unwrap()
}

/// Runs the server on threads of its own until the closure is done.
fn with_server<T>(app: &App, work: impl FnOnce(SocketAddr) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (ready, wait) = std::sync::mpsc::channel();
    let inner = app.clone();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            inner.make_first_key().await.unwrap();
            let server = server::start(inner, listener, aftercare::demo::routes::routes).unwrap();
            ready.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    let handle = wait.recv().unwrap();
    let result = work(address);
    actix_web::rt::System::new().block_on(handle.stop(false));
    thread.join().unwrap();
    result
}

fn start_up(data: &Path) {
    println!("\n== start-up on the existing file, and idle memory (the release binary, a process of its own)");
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begun = Instant::now();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_aftercare"))
        .arg("serve")
        .env("AFTERCARE_DATABASE_URL", format!("sqlite:{}", data.display()))
        .env("AFTERCARE_LISTEN", listen.to_string())
        .env("AFTERCARE_BASE_URL", "http://127.0.0.1:1")
        .env("AFTERCARE_SECRET", SECRET)
        .env("AFTERCARE_MAIL", "folder:bench/out/mail")
        .env("AFTERCARE_WORKER_IN_SERVE", "false")
        .env("AFTERCARE_LOG", "error")
        .spawn()
        .unwrap();
    let took = loop {
        if load::answers(listen, "/readyz") {
            break begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the server does not start");
        std::thread::sleep(Duration::from_millis(1));
    };
    std::thread::sleep(Duration::from_secs(2));
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let memory = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned();
    child.kill().unwrap();
    child.wait().unwrap();
    println!("ready after {} ms (aim: under 200); idle {memory} (aim: under 40 MB)", took.as_millis());
}

/// What Today's reads cost without HTTP, on one thread and on two at once; then with the engine.
fn queries(data: &Path) {
    println!("\n== what Today reads, without HTTP, engine or JSON; and with the engine");
    let app = app(data, false);
    let accounts = dataset::accounts(data, 10_000);
    let threads_run = |threads: usize, with_engine: bool| {
        let rounds = 20_000;
        let begun = (Instant::now(), cpu_time());
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (app, accounts) = (app.clone(), &accounts);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(async {
                        for round in 0..rounds {
                            let account = accounts[(round * 7_919 + thread * 31) % accounts.len()];
                            let inner = app.clone();
                            app.db
                                .read(move |c| {
                                    if with_engine {
                                        whole_day(c, &inner, account)
                                    } else {
                                        what_today_reads(c, &inner, account)
                                    }
                                })
                                .await
                                .unwrap();
                        }
                    });
                });
            }
        });
        let done = (rounds * threads) as f64;
        (begun.0.elapsed().as_secs_f64() * 1e6 / done * threads as f64, (cpu_time() - begun.1) * 1e6 / done)
    };
    for with_engine in [false, true] {
        let name = if with_engine { "with the engine" } else { "reads only     " };
        threads_run(1, with_engine);
        let one = threads_run(1, with_engine);
        let two = threads_run(2, with_engine);
        println!(
            "{name}: 1 thread {:.1} us ({:.1} us of processor); 2 threads {:.1} us each ({:.1} us of processor): ratio {:.2}",
            one.0,
            one.1,
            two.0,
            two.1,
            two.1 / one.1
        );
    }
}

/// What Today reads: the plans with what belongs to them, and of each what its day asks for.
fn what_today_reads(c: &mut Conn, app: &App, account: ground::ids::AccountId) -> Result<(), aftercare::error::Error> {
    for rows in aftercare::plans::store::list_shown_of_account(c, account)? {
        let plan_file = aftercare::plans::PlanFile::new(c, &app.compiled, rows)?;
        plan_file.known(c, plan_file.day_number(app.clock.now()))?;
    }
    Ok(())
}

fn whole_day(c: &mut Conn, app: &App, account: ground::ids::AccountId) -> Result<(), aftercare::error::Error> {
    let at = app.clock.now();
    let days = today::days_of(c, &app.compiled, account, None, at)?;
    today::views::today(&days, None, None, at)?;
    Ok(())
}

/// Processor seconds of this process so far.
fn cpu_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn report(name: &str, result: &load::Outcome) {
    println!(
        "{name:<44} {:>8.0}/s   p50 {:>6.2} ms   p99 {:>6.2} ms   {} B a body",
        result.per_second,
        result.p50.as_secs_f64() * 1e3,
        result.p99.as_secs_f64() * 1e3,
        result.bytes_each
    );
}

fn reads(data: &Path) {
    let (seconds, connections) = (setting("SECONDS", 8), setting("CONNECTIONS", 32));
    println!("\n== Today over HTTP, {connections} connections, {seconds} s each, tokens verified");
    let app = in_the_evening(data);
    let tokens = dataset::tokens(&app, 10_000);
    with_server(&app, |address| {
        let fixed = vec![load::get("/healthz", None)];
        let today: Vec<Vec<u8>> = tokens.iter().map(|token| load::get("/v1/me/today", Some(token))).collect();
        let unchanged = load::with_etags(address, &today);
        let run = |requests: &[Vec<u8>], expected: &[u16]| {
            load::run(address, requests, connections, Duration::from_secs(seconds as u64), expected)
        };
        run(&today, &[200]); // warm: tokens verified, pages read
        let fixed = run(&fixed, &[200]);
        report("fixed body (GET /healthz)", &fixed);
        let cold = run(&today, &[200]);
        report("GET /v1/me/today, 200", &cold);
        let same = run(&unchanged, &[304]);
        report("GET /v1/me/today, If-None-Match, 304", &same);
        println!("Today : fixed body = {:.1} % (aim: 30 %)", cold.per_second / fixed.per_second * 100.0);
        println!("Today : TrailBase's 7,900/s on this kind of machine = {:.2} (aim: 3)", cold.per_second / 7_900.0);
    });
}

/// Patients with five plans against the same number of patients with one, in many short turns: the machine is not the same from one
/// second to the next, and the middle of the turns' ratios is what counts.
fn five(data: &Path) {
    const TURNS: usize = 9;
    let (seconds, connections) = (setting("SECONDS", 3), setting("CONNECTIONS", 32));
    println!(
        "\n== Today over HTTP of patients with five overlapping plans, and with one; {TURNS} turns of {seconds} s each"
    );
    let app = in_the_evening(data);
    let tokens = dataset::tokens(&app, 2_000);
    let some: Vec<usize> = (0..tokens.len()).step_by(2).collect();
    let accounts = dataset::accounts(data, 2_000);
    dataset::add_plans(&app, &some.iter().map(|index| accounts[*index]).collect::<Vec<_>>());
    with_server(&app, |address| {
        let ask = |of: &dyn Fn(usize) -> bool| -> Vec<Vec<u8>> {
            let tokens = tokens.iter().enumerate().filter(|(index, _)| of(*index));
            tokens.map(|(_, token)| load::get("/v1/me/today", Some(token))).collect()
        };
        let (five, one) = (ask(&|index| index % 2 == 0), ask(&|index| index % 2 == 1));
        for (name, connections) in [("one request at a time", 1), ("at full load", connections)] {
            let run = |requests: &[Vec<u8>]| {
                load::run(address, requests, connections, Duration::from_secs(seconds as u64), &[200])
            };
            run(&one); // warm
            run(&five);
            let turns: Vec<_> = (0..TURNS).map(|_| (run(&one), run(&five))).collect();
            let mut ratios: Vec<f64> = turns.iter().map(|(one, five)| one.per_second / five.per_second).collect();
            ratios.sort_by(f64::total_cmp);
            for (name, of) in [("one plan", 0), ("five plans, merged", 1)] {
                let mut outcomes: Vec<_> = turns.iter().map(|(one, five)| [one, five][of]).collect();
                outcomes.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
                report(name, outcomes[TURNS / 2]);
            }
            println!(
                "{name}, {connections} connections: five : one = {:.2} times the time ({:.2} to {:.2}; aim: 2)",
                ratios[TURNS / 2],
                ratios[0],
                ratios[TURNS - 1]
            );
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let alone = |of: usize, with_engine: bool| {
        let accounts: Vec<_> = accounts.iter().copied().skip(of).step_by(2).collect();
        let turn = || {
            let begun = cpu_time();
            for account in accounts.iter().cycle().take(10_000) {
                let (inner, account) = (app.clone(), *account);
                let read = move |c: &mut Conn| {
                    if with_engine { whole_day(c, &inner, account) } else { what_today_reads(c, &inner, account) }
                };
                runtime.block_on(app.db.read(read)).unwrap();
            }
            (cpu_time() - begun) * 1e6 / 10_000.0
        };
        let mut turns: Vec<f64> = (0..TURNS).map(|_| turn()).collect();
        turns.sort_by(f64::total_cmp);
        turns[TURNS / 2]
    };
    for (name, of) in [("one plan", 1), ("five plans", 0)] {
        let (whole, reads) = (alone(of, true), alone(of, false));
        println!("{name}, without HTTP and JSON: {whole:.0} us of processor, of these {reads:.0} us to read");
    }
}

fn writes(data: &Path) {
    let (seconds, connections) = (setting("SECONDS", 8), setting("CONNECTIONS", 32));
    println!(
        "\n== durable check-ins over HTTP (PUT, fsync before the answer), {connections} connections, {seconds} s each"
    );
    let measure = |commit_singly: bool| {
        let app = app(data, commit_singly);
        let (warm, requests) = dataset::check_in_requests(&app, 120_000);
        with_server(&app, |address| {
            load::run_once_each(address, warm, connections, Duration::from_secs(60), &[200]); // every token verified once
            load::run_once_each(address, requests, connections, Duration::from_secs(seconds as u64), &[201])
        })
    };
    let floor = dataset::insert_floor(data);
    println!("{:<44} {floor:>8.0}/s", "one INSERT a transaction, fsync, one thread");
    let singly = measure(true);
    report("a transaction a request", &singly);
    let grouped = measure(false);
    report("commits in groups", &grouped);
    println!("groups : a transaction a request = {:.2} (aim: 2)", grouped.per_second / singly.per_second);
    println!("groups : plain-SQL floor = {:.2}", grouped.per_second / floor);
    let (whole, event) = dataset::events_cost(&app(data, false), 20_000);
    println!("{:<44} {whole:>8.1} us without HTTP and fsync", "a check-in");
    println!("its event with its place : a check-in = {:.3} ({event:.1} us; aim: 0.1)", event / whole);
    println!("groups : TrailBase's 7,500/s (no fsync) = {:.2} (aim: 1 with fsync)", grouped.per_second / 7_500.0);
}

fn migration(data: &Path) {
    println!("\n== running plans moved to another version of their protocol, in batches, and back");
    let moved = dataset::move_plans(&app(data, false), 10_000);
    let (preview, there, back) = moved.seconds;
    println!(
        "{} plans: previewed in {preview:.1} s, moved in {there:.1} s ({:.0} a second), back in {back:.1} s",
        moved.plans,
        moved.plans as f64 / there
    );
}

fn planner(data: &Path) {
    println!("\n== the planner: 1,000 plans are due, among few and among many");
    let small = data.with_extension("small.db");
    dataset::build_once(&small, 5_000);
    let cost = |data: &Path| dataset::planner_cost(&app(data, false), 1_000);
    let (among_few, few) = cost(&fresh_copy(&small));
    let (among_many, many) = cost(data);
    println!(
        "among {few} plans: {among_few:.1} us a due plan; among {many}: {among_many:.1} us; ratio {:.2}",
        among_many / among_few
    );
}
