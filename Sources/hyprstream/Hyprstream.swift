internal import ArgumentParser
private import Settings

/// Where the process begins.
@main
enum Program {
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments == ["--help"] || arguments == ["-h"] || arguments == ["help"] {
      StandardStreams.write(Hyprstream.wholeHelp())
      return
    }
    await Hyprstream.main(arguments)
  }
}

/// The program: a server, and a client for it.
struct Hyprstream: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hyprstream",
    abstract: "A streaming SQL database that speaks Arrow Flight SQL.",
    discussion: """
      Without a subcommand it is the server: hyprstream --data-dir /srv/data

      Every option of the server can also be given in the environment (--max-running as \
      HYPRSTREAM_MAX_RUNNING) and in TOML (max_running = 4), in /etc/hyprstream/config.toml, \
      ~/.config/hyprstream/config.toml or the file that --config names. The command line is stronger \
      than the environment, which is stronger than the files; for credentials the environment is \
      the strongest.
      """,
    version: "hyprstream \(ProductVersion.current)",
    subcommands: [ServerCommand.self, SQLCommand.self, LogCommand.self],
    defaultSubcommand: ServerCommand.self)

  /// The help of the program and of the server, which is what it is without a subcommand.
  static func wholeHelp() -> String {
    let server = helpMessage(for: ServerCommand.self)
    let options = server.firstRange(of: "\n\n").map { server[$0.upperBound...] } ?? server[...]
    let withoutUsage =
      options.firstRange(of: "\n\n").map { options[$0.upperBound...] } ?? options[...]
    return helpMessage(for: Hyprstream.self) + "\n\nOPTIONS OF THE SERVER\n\n" + withoutUsage
  }
}
