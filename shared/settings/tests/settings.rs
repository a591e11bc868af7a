//! Programs of two topics, as a caller sees them.

use std::ffi::OsString;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kith_settings::{Environment, Program, Reader, Setting, SettingsError, Topic, load, markdown_table};
use secrecy::{ExposeSecret, SecretString};

const LISTEN: Setting = Setting::new("listen-address", "where calls arrive")
    .value("an address with port, for example 127.0.0.1:50051")
    .default("127.0.0.1:50051");
const FORMAT: Setting = Setting::new("log-format", "how lines look")
    .one_of(&["human", "json"])
    .default("human");
const DIRECTORY: Setting = Setting::new("data-directory", "where data stays").value("a path");

#[derive(Debug)]
struct ServerSettings {
    listen: SocketAddr,
    format: String,
    directory: Option<PathBuf>,
}

impl Topic for ServerSettings {
    fn settings() -> Vec<&'static Setting> {
        vec![&LISTEN, &FORMAT, &DIRECTORY]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let listen = reader.value(&LISTEN);
        let format = reader.value_with(&FORMAT, |word| match word {
            "human" | "json" => Ok(word.to_owned()),
            _ => Err("is no format"),
        });
        let directory = reader.optional(&DIRECTORY, Reader::path);
        Some(Self {
            listen: listen?,
            format: format?,
            directory: directory?,
        })
    }
}

const URL: Setting = Setting::new("database-url", "the database")
    .value("a URL such as postgres://user:password@host/database")
    .or_variable("DATABASE_URL")
    .required()
    .secret();
const POOL_SIZE: Setting = Setting::new("pool-size", "connections kept")
    .number(1, 1000)
    .default("20");
const TIMEOUT: Setting = Setting::new("checkout-timeout", "how long a call waits for a connection")
    .duration(Duration::from_millis(1), Duration::from_secs(60))
    .default("2s");

#[derive(Debug)]
struct PoolSettings {
    url: SecretString,
    size: u16,
    timeout: Duration,
}

impl Topic for PoolSettings {
    fn settings() -> Vec<&'static Setting> {
        vec![&URL, &POOL_SIZE, &TIMEOUT]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let url = reader.secret_with(&URL, |text| match text.starts_with("postgres://") {
            true => Ok(text.into()),
            false => Err("does not begin with postgres://"),
        });
        let size = reader.number(&POOL_SIZE);
        let timeout = reader.duration(&TIMEOUT);
        Some(Self {
            url: url?,
            size: size?,
            timeout: timeout?,
        })
    }
}

type Both = (ServerSettings, PoolSettings);

const PROGRAM: Program = Program {
    name: "kith-demo",
    version: "1.2.3",
    about: "shows how it is done",
};
const GOOD_URL: (&str, &str) = ("KITH_DATABASE_URL", "postgres://kith:hunter2@db/kith");

fn load_with<T: Topic, const N: usize>(
    flags: &[&str],
    variables: [(&str, &str); N],
) -> Result<T, SettingsError> {
    load_in(flags, &Environment::from(variables))
}

fn load_in<T: Topic>(flags: &[&str], environment: &Environment) -> Result<T, SettingsError> {
    let arguments = ["kith-demo"].iter().chain(flags).map(OsString::from);
    load(&PROGRAM, arguments, environment)
}

#[track_caller]
fn mistakes<T: Debug>(loaded: Result<T, SettingsError>) -> Vec<String> {
    loaded
        .expect_err("mistakes")
        .mistakes()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// A file of one test; removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn file(name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kith-settings-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("a writable temporary directory");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn defaults_make_a_program_run() {
    let (server, pool): Both = load_with(&[], [GOOD_URL]).expect("good settings");
    assert_eq!(server.listen.to_string(), "127.0.0.1:50051");
    assert_eq!((server.format.as_str(), server.directory), ("human", None));
    assert_eq!((pool.size, pool.timeout), (20, Duration::from_secs(2)));
}

#[test]
fn flags_come_before_variables_and_variables_before_defaults() {
    let variables = [
        GOOD_URL,
        ("KITH_POOL_SIZE", "7"),
        ("KITH_CHECKOUT_TIMEOUT", "250ms"),
    ];
    let pool: PoolSettings = load_with(&["--pool-size", "9"], variables).expect("good settings");
    assert_eq!((pool.size, pool.timeout), (9, Duration::from_millis(250)));
}

#[test]
fn every_mistake_is_reported_at_once() {
    let flags = [
        "--pool-size=0",
        "--log-formt",
        "json",
        "--listen-address",
        "--log-format",
    ];
    let variables = [
        ("KITH_LISTEN_ADDRESS", "localhost"),
        ("KITH_CHECKOUT_TIMEOUT", "2 minutes"),
        ("KITH_POOL_SISE", "3"),
        ("KITH_DATA_DIRECTORY", "/data"),
    ];
    assert_eq!(
        mistakes(load_with::<Both, _>(&flags, variables)),
        [
            "--log-formt: no such flag (did you mean --log-format?)",
            "--listen-address: needs a value",
            "--log-format: needs a value",
            "KITH_POOL_SISE: no setting has this variable (did you mean KITH_POOL_SIZE?)",
            "--listen-address, KITH_LISTEN_ADDRESS: must be an address with port, for example 127.0.0.1:50051; \
             KITH_LISTEN_ADDRESS says \"localhost\"",
            "--database-url-file, KITH_DATABASE_URL, KITH_DATABASE_URL_FILE, DATABASE_URL: is required: \
             a URL such as postgres://user:password@host/database",
            "--pool-size, KITH_POOL_SIZE: must be a whole number from 1 to 1000; the flag says \"0\"",
            "--checkout-timeout, KITH_CHECKOUT_TIMEOUT: must be a duration from 1ms to 1m, such as 250ms, 5s or 2m; \
             KITH_CHECKOUT_TIMEOUT says \"2 minutes\"",
        ]
    );
}

#[test]
fn the_report_lists_the_mistakes_and_exits_with_2() {
    let error = load_with::<PoolSettings, _>(&["--pool-size=x"], [GOOD_URL]).expect_err("a mistake");
    assert_eq!(error.exit_code(), 2);
    assert_eq!(
        error.to_string(),
        "there is a mistake in the settings:\n  \
         --pool-size, KITH_POOL_SIZE: must be a whole number from 1 to 1000; the flag says \"x\"\n\
         --help lists every setting"
    );
}

#[test]
fn what_the_parser_says_of_a_value_is_told() {
    assert_eq!(
        mistakes(load_with::<ServerSettings, _>(&[], [("KITH_LOG_FORMAT", "xml")])),
        [
            "--log-format, KITH_LOG_FORMAT: must be human or json; KITH_LOG_FORMAT says \"xml\", which is no format"
        ]
    );
}

#[test]
fn numbers_and_durations_keep_their_bounds() {
    for (flag, good) in [
        ("--pool-size=1", true),
        ("--pool-size=1000", true),
        ("--pool-size=1001", false),
        ("--pool-size=-1", false),
        ("--pool-size=", false),
        ("--pool-size=99999999999999999999", false),
        ("--checkout-timeout=1ms", true),
        ("--checkout-timeout=1m", true),
        ("--checkout-timeout=0s", false),
        ("--checkout-timeout=61s", false),
    ] {
        assert_eq!(
            load_with::<PoolSettings, _>(&[flag], [GOOD_URL]).is_ok(),
            good,
            "{flag}"
        );
    }
}

#[test]
fn a_flag_given_twice_is_a_mistake() {
    assert_eq!(
        mistakes(load_with::<PoolSettings, _>(
            &["--pool-size=1", "--pool-size=2"],
            [GOOD_URL]
        )),
        ["--pool-size, KITH_POOL_SIZE: is given by more than one flag"]
    );
}

#[test]
fn an_empty_variable_counts_as_not_set_and_an_empty_flag_does_not() {
    let server: ServerSettings =
        load_with(&[], [("KITH_DATA_DIRECTORY", ""), ("KITH_TYPO", "")]).expect("good settings");
    assert_eq!(server.directory, None);
    assert_eq!(
        mistakes(load_with::<ServerSettings, _>(&["--data-directory="], [])),
        ["--data-directory, KITH_DATA_DIRECTORY: must be a path; the flag says \"\""]
    );
}

#[test]
fn variables_of_others_are_let_be() {
    let environment = Environment::from([
        ("PATH", "/bin"),
        ("KITH_POSTS_POOL_SIZE", "3"),
        ("KITH_IDENTITY_SERVICE_HOST", "10.0.0.1"),
        ("KITH_IDENTITY_SERVICE_PORT", "50051"),
        ("KITH_IDENTITY_SERVICE_PORT_GRPC", "50051"),
        ("KITH_IDENTITY_PORT", "tcp://10.0.0.1:50051"),
        ("KITH_IDENTITY_PORT_50051_TCP_ADDR", "10.0.0.1"),
    ]);
    let expecting = environment.clone().expecting(["KITH_POSTS_"]);
    assert!(load_in::<ServerSettings>(&[], &expecting).is_ok());
    assert_eq!(
        mistakes(load_in::<ServerSettings>(&[], &environment)),
        ["KITH_POSTS_POOL_SIZE: no setting has this variable"]
    );
}

// Keeps out: `kith up` let every variable be that began with the name of one of its own.
#[test]
fn a_whole_name_of_others_covers_no_longer_one() {
    let environment =
        Environment::from([("KITH_POOL_SIZE", "3"), ("KITH_POOL_SIZES", "4")]).expecting(["KITH_POOL_SIZE"]);
    assert_eq!(
        mistakes(load_in::<ServerSettings>(&[], &environment)),
        ["KITH_POOL_SIZES: no setting has this variable"]
    );
}

#[test]
fn a_secret_comes_from_its_variable_a_file_or_the_name_that_the_world_knows() {
    let file = Scratch::file("sources", "postgres://from-file\r\n");
    let path = file.path();
    for (flags, variables, expected) in [
        (
            vec![],
            [
                ("KITH_DATABASE_URL", "postgres://ours"),
                ("DATABASE_URL", "postgres://other"),
            ],
            "postgres://ours",
        ),
        (
            vec![],
            [("KITH_X", ""), ("DATABASE_URL", "postgres://other")],
            "postgres://other",
        ),
        (
            vec![],
            [("KITH_DATABASE_URL_FILE", path), ("DATABASE_URL", "postgres://o")],
            "postgres://from-file",
        ),
        (
            vec!["--database-url-file", path],
            [
                ("KITH_DATABASE_URL", "postgres://ours"),
                ("DATABASE_URL", "postgres://o"),
            ],
            "postgres://from-file",
        ),
    ] {
        let pool: PoolSettings = load_with(&flags, variables).expect("good settings");
        assert_eq!(pool.url.expose_secret(), expected);
    }
}

#[test]
fn a_file_that_gives_no_secret_is_a_mistake() {
    let names = "--database-url-file, KITH_DATABASE_URL, KITH_DATABASE_URL_FILE, DATABASE_URL";
    let file = Scratch::file("empty", "\n");
    let path = file.path().to_owned();
    let with_file = |path: &str| mistakes(load_with::<PoolSettings, _>(&["--database-url-file", path], []));
    assert_eq!(with_file(&path), [format!("{names}: the file {path} is empty")]);
    drop(file);
    assert_eq!(
        with_file(&path),
        [format!(
            "{names}: cannot read {path}: No such file or directory (os error 2)"
        )]
    );
}

#[test]
fn a_secret_by_variable_and_by_file_is_ambiguous() {
    let problems = mistakes(load_with::<PoolSettings, _>(
        &[],
        [GOOD_URL, ("KITH_DATABASE_URL_FILE", "/run/url")],
    ));
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert!(
        problem.ends_with("KITH_DATABASE_URL and KITH_DATABASE_URL_FILE are both set, and only one may be")
    );
}

#[test]
fn a_secret_is_never_shown() {
    let wrong = ("KITH_DATABASE_URL", "mysql://kith:hunter2@db");
    let error = load_with::<PoolSettings, _>(&[], [wrong]).expect_err("a mistake");
    assert!(
        error.to_string().contains(
            "KITH_DATABASE_URL has a value that is not shown, which does not begin with postgres://"
        )
    );
    let misplaced = [
        "hunter2",
        "--database-url",
        "hunter2",
        "--database-url=hunter2",
        "--databse-url=hunter2",
    ];
    let misplaced = load_with::<PoolSettings, _>(&misplaced, [wrong]).expect_err("mistakes");
    let good: PoolSettings = load_with(&[], [GOOD_URL]).expect("good settings");
    let environment = Environment::from([wrong]);
    for shown in [
        error.to_string(),
        format!("{error:?}"),
        misplaced.to_string(),
        format!("{misplaced:?}"),
        format!("{good:?}"),
        format!("{environment:?}"),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert_eq!(misplaced.mistakes().len(), 5);
}

#[test]
fn a_secret_as_a_flag_is_refused_with_the_reason() {
    assert_eq!(
        mistakes(load_with::<PoolSettings, _>(
            &["--database-url=postgres://x"],
            [GOOD_URL]
        )),
        [
            "--database-url: a secret is not taken from a flag, which everybody on the machine can see; \
          use KITH_DATABASE_URL, KITH_DATABASE_URL_FILE or --database-url-file"
        ]
    );
}

#[test]
fn help_is_an_answer_and_lists_every_setting() {
    let error = load_with::<Both, _>(&["--pool-size=x", "--nonsense", "--help"], []).expect_err("help");
    assert_eq!((error.exit_code(), error.mistakes().len()), (0, 0));
    let help = error.to_string();
    assert!(
        help.starts_with("shows how it is done\n\nUsage: kith-demo [OPTIONS]"),
        "{help}"
    );
    for part in [
        "--database-url-file <FILE>",
        "file with the secret: the database [a URL such as postgres://user:password@host/database; \
         environment: KITH_DATABASE_URL, KITH_DATABASE_URL_FILE, DATABASE_URL; required]",
        "--pool-size <NUMBER>",
        "connections kept [a whole number from 1 to 1000; environment: KITH_POOL_SIZE; default: 20]",
    ] {
        assert!(help.contains(part), "{part}\n{help}");
    }
}

#[test]
fn the_version_is_an_answer() {
    let error = load_with::<Both, _>(&["--version"], []).expect_err("the version");
    assert_eq!(
        (error.exit_code(), error.to_string().as_str()),
        (0, "kith-demo 1.2.3")
    );
}

#[test]
fn the_table_for_a_readme_says_what_programs_take() {
    assert_eq!(
        markdown_table([&URL, &POOL_SIZE, &DIRECTORY]),
        "| flag | variable | value | default | for |\n\
         |---|---|---|---|---|\n\
         | `--database-url-file` | `KITH_DATABASE_URL`, `KITH_DATABASE_URL_FILE`, `DATABASE_URL` | a URL such as \
         postgres://user:password@host/database | required | the database |\n\
         | `--pool-size` | `KITH_POOL_SIZE` | a whole number from 1 to 1000 | `20` | connections kept |\n\
         | `--data-directory` | `KITH_DATA_DIRECTORY` | a path | none | where data stays |\n"
    );
}

#[derive(Debug)]
struct Agreed(Option<u16>, Option<u16>);

impl Topic for Agreed {
    fn settings() -> Vec<&'static Setting> {
        Vec::new()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let parse = |text: &str| text.parse().map_err(|_| "must be a number".to_owned());
        let (first, second) = (
            reader.variable("OTEL_NUMBER", parse),
            reader.variable("OTEL_NUMBER", parse),
        );
        Some(Self(first?, second?))
    }
}

#[test]
fn a_variable_that_others_agree_on_is_read_as_it_is_named_and_its_mistake_told_once() {
    let read = |value| load_with::<Agreed, 1>(&[], [("OTEL_NUMBER", value)]);
    assert!(matches!(read("7"), Ok(Agreed(Some(7), Some(7)))));
    assert!(matches!(read(""), Ok(Agreed(None, None))));
    assert_eq!(mistakes(read("seven")), ["OTEL_NUMBER: must be a number"]);
}
