//! The binary as a command: started, watched, stopped; or run to its end.

use std::fs::File;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::eventually;

/// What cargo built for this test run.
fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    // Nothing of whoever runs the tests gets into them.
    command.env_clear().stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// A running binary; killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(crate) fn start(folder: &Path, args: &[String], env: &[(String, String)]) -> Self {
        Self::spawn(binary(), folder, args, env)
    }

    /// With a hard limit on descriptors.
    pub(crate) fn start_limited(
        folder: &Path,
        args: &[String],
        env: &[(String, String)],
        descriptors: u32,
    ) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
        shell.env_clear().stdin(Stdio::null()).arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_portcullis"));
        Self::spawn(shell, folder, args, env)
    }

    /// Passes a socket as systemd does. A shell puts it where it is looked for, and knows the number of the process.
    pub(crate) fn start_with_socket(folder: &Path, args: &[String], socket: TcpListener, name: &str) -> Self {
        let mut shell = Command::new("sh");
        let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ exec \"$0\" \"$@\"";
        shell.env_clear().arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_portcullis"));
        let variables = [("LISTEN_FDS", "1"), ("LISTEN_FDNAMES", name)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        shell.stdin(Stdio::from(OwnedFd::from(socket)));
        Self::spawn(shell, folder, args, &variables)
    }

    fn spawn(command: Command, folder: &Path, args: &[String], env: &[(String, String)]) -> Self {
        let log = folder.join("gateway.log");
        let out = File::create(&log).unwrap();
        let mut command = command;
        command.args(args).current_dir(folder).env("HOME", folder).envs(env.iter().cloned());
        let child = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().expect("the binary starts");
        Self { child, log }
    }

    /// Everything it has printed so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    pub(crate) async fn exit(&mut self) -> ExitStatus {
        eventually("the process ends", async || self.ended()).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(25).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            eprintln!("--- the gateway's last lines:\n{}\n---", tail.join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Printed {
    /// Both streams: where a message goes is not what a test is about.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    #[track_caller]
    pub(crate) fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.all());
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.all().contains(text), "`{text}` is not in:\n{}", self.all());
        self
    }

    #[track_caller]
    pub(crate) fn never_says(&self, text: &str) -> &Self {
        assert!(!self.all().contains(text), "`{text}` is in:\n{}", self.all());
        self
    }
}

/// Runs the binary to its end.
pub(crate) fn portcullis(folder: &Path, args: &[&str]) -> Printed {
    portcullis_with(folder, args, &[])
}

/// The same with variables in its environment.
pub(crate) fn portcullis_with(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Printed {
    let mut command = binary();
    command.args(args).current_dir(folder).env("HOME", folder).envs(env.iter().copied());
    let done = command.output().expect("the binary runs");
    Printed {
        code: done.status.code(),
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}
