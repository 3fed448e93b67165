internal import ArgumentParser
private import FlightClient
private import Settings
internal import Shell
private import UnixSignals

/// `hyprstream sql`: statements from the command line, from a pipe or from a person.
struct SQLCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql", abstract: "Run SQL on a server, or open a shell.",
    discussion: """
      With -c or a pipe statements run one after the other until one fails; the exit code is then 1. \
      With neither a shell opens. HYPRSTREAM_URL, HYPRSTREAM_USER, HYPRSTREAM_PASSWORD and \
      HYPRSTREAM_TOKEN stand for the options of that name.
      """)

  @Option(
    name: [.customShort("c"), .customLong("command")], parsing: .unconditionalSingleValue,
    help: ArgumentHelp("SQL to run; may be given several times.", valueName: "sql"))
  var commands: [String] = []

  @Option(help: ArgumentHelp("Server, as grpc://host:port.", valueName: "url"))
  var url: String?

  @Option(help: ArgumentHelp("User name.", valueName: "name"))
  var user: String?

  @Option(
    help: ArgumentHelp(
      "Password. Others on the machine may see it; prefer HYPRSTREAM_PASSWORD.",
      valueName: "password"))
  var password: String?

  @Option(help: ArgumentHelp("Bearer token, instead of user and password.", valueName: "token"))
  var token: String?

  @Option(
    help: ArgumentHelp(
      "How results are written: table, csv, json, jsonl, markdown or arrow.", valueName: "format"),
    transform: { text in
      guard let format = OutputFormat(rawValue: text.lowercased()) else {
        throw ValidationError("\(text) is none of table, csv, json, jsonl, markdown, arrow")
      }
      return format
    })
  var format: OutputFormat = .table

  @Flag(name: .customLong("no-history"), help: "Keep no history of what is typed.")
  var keepsNoHistory = false

  mutating func run() async throws {
    ThisProcess.prepare()
    let environment = ProcessEnvironment.variables()
    let isInteractive =
      commands.isEmpty && StandardStreams.isInputTerminal && StandardStreams.isOutputTerminal
    let interrupts = Interrupts()
    let signals = await UnixSignalsSequence(trapping: .sigint)
    let watch = Task {
      for await _ in signals {
        // What runs is cancelled; if nothing does and nobody is there to type on, this is the end.
        if !interrupts.interrupt() && !isInteractive { ThisProcess.exitAtOnce(code: 130) }
      }
    }
    defer { watch.cancel() }
    do {
      let connection = try await connect(environment)
      let shell = Shell(
        connection: connection, interrupts: interrupts, settings: WriterSettings(format: format),
        isInteractive: isInteractive)
      let isGood = try await run(shell, isInteractive, environment)
      await connection.close()
      guard isGood else { throw ExitCode(1) }
    } catch ShellFailure.outputClosed {
      throw ExitCode(141)
    } catch let failure as ShellFailure {
      StandardStreams.complain("hyprstream: \(failure)")
      throw ExitCode(2)
    }
  }

  private func run(
    _ shell: Shell, _ isInteractive: Bool, _ environment: [String: String]
  ) async throws -> Bool {
    if !commands.isEmpty {
      for command in commands {
        guard try await shell.run(command) else { return false }
      }
      return true
    }
    guard isInteractive else { return try await shell.runAll(from: PlainLineReader()) }
    StandardStreams.complain(
      "hyprstream \(ProductVersion.current). \\? for help, \\q or Ctrl-D to leave.")
    if let reader = EditLineReader(historyPath: historyPath(environment)) {
      return try await shell.runAll(from: reader)
    }
    return try await shell.runAll(from: PlainLineReader())
  }

  private func historyPath(_ environment: [String: String]) -> String? {
    if keepsNoHistory { return nil }
    if let path = environment["HYPRSTREAM_HISTORY"] { return path.isEmpty ? nil : path }
    return environment["HOME"].map { $0 + "/.hyprstream_history" }
  }

  private func connect(_ environment: [String: String]) async throws(ShellFailure)
    -> FlightConnection
  {
    let text = url ?? environment["HYPRSTREAM_URL"] ?? "grpc://127.0.0.1:50051"
    var address: FlightAddress
    do throws(FlightClientError) {
      address = try FlightAddress(text)
    } catch {
      throw .connection("\(error)")
    }
    // Credentials in the environment win over the command line, as everywhere.
    address.username = environment["HYPRSTREAM_USER"] ?? user ?? address.username
    address.password = environment["HYPRSTREAM_PASSWORD"] ?? password ?? address.password
    return try await FlightConnection(
      address: address, token: environment["HYPRSTREAM_TOKEN"] ?? token)
  }
}
