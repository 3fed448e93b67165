internal import ArgumentParser
internal import Database
internal import DuckDB
internal import Log

/// `hyprstream log`: what the log of a data folder holds, without a server.
struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "List, verify or export the streams of a data folder.",
    discussion: """
      Reads the files of the log and changes nothing. A server may run on the folder meanwhile; what it \
      writes after the command has begun is not seen. The exit code is 1 if something is damaged or \
      cannot be read.
      """,
    subcommands: [LogListCommand.self, LogVerifyCommand.self, LogExportCommand.self])
}

/// Which folder is looked at.
struct LogFolderOption: ParsableArguments {
  @Option(
    name: .customLong("data-dir"),
    help: ArgumentHelp("Folder that keeps everything.", valueName: "folder"))
  var dataFolder = "./hyprstream-data"

  /// How rows are read that have left the log.
  func cold(_ log: SegmentLog, library path: String? = nil) -> ColdReading {
    ColdReading(
      log, folder: dataFolder + "/cold",
      library: { try path.map { try DuckDBLibrary.load(searching: [$0]) } ?? .load() },
      extensionDirectory: { ExtensionFolder.beside(libraryPath: $0.path) })
  }

  /// Opens the log for reading. A folder that has none is an error, and stays as it is.
  fileprivate func open() throws -> SegmentLog {
    let path = dataFolder + "/log"
    guard OutputFile.isFolder(path) else {
      throw LogCommandFailure("there is no log in \(dataFolder): it has no folder 'log'")
    }
    var log = try openOnce(path)
    // What a running server is just writing looks like damage, but not twice.
    for _ in 0..<5 where !log.report.problems.isEmpty {
      let again = try openOnce(path)
      let isSame = again.report.problems.allSatisfy(log.report.problems.contains)
      log = again
      if isSame { break }
    }
    return log
  }

  private func openOnce(_ path: String) throws -> SegmentLog {
    do {
      return try SegmentLog(try LocalFolder(path), clock: WallClock.microseconds, isReadOnly: true)
    } catch let error as FileError {
      throw LogCommandFailure(error.sentence)
    }
  }
}

/// A sentence for the person who ran the command.
struct LogCommandFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Opens the log of `folder`, and says on standard error what is damaged in it.
func withLog(_ folder: LogFolderOption, _ body: (SegmentLog) throws -> Void) throws {
  do {
    let log = try folder.open()
    for problem in log.report.problems { StandardStreams.complain("damaged: \(problem)") }
    try body(log)
  } catch let error as ExitCode {
    throw error
  } catch {
    StandardStreams.complain("Error: \(error)")
    throw ExitCode.failure
  }
}

/// `hyprstream log list`.
struct LogListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the streams with their offsets, times and sizes.",
    discussion: """
      With --stream the parts of one stream are listed: the offsets, the segment, the byte and the \
      length of each. Rows that have left the log are in files, which stand in the place of a segment.
      """)

  @OptionGroup var folder: LogFolderOption

  @Option(help: ArgumentHelp("List the parts of this stream.", valueName: "stream"))
  var stream: String?

  func run() throws {
    try withLog(folder) { log in
      let streams = try StoredStreams(log, cold: folder.cold(log))
      if let stream {
        try listParts(of: try find(stream, streams))
      } else {
        for line in LogListing.lines(streams.all) { StandardStreams.write(line + "\n") }
      }
      if !log.report.problems.isEmpty { throw ExitCode.failure }
    }
  }

  private func listParts(of stream: StoredStream) throws {
    StandardStreams.write("first_offset\trows\tsegment\tbyte\tbytes\n")
    let state = stream.state
    for file in stream.coldFiles where file.offsets.upperBound > state.start {
      StandardStreams.write(
        "\(file.offsets.lowerBound.rawValue)\t\(file.rowCount)\t\(file.location)\t0\t"
          + "\(file.byteCount)\n")
    }
    for unit in try stream.hotUnits {
      let rowCount = unit.offsets.upperBound.rawValue - unit.offsets.lowerBound.rawValue
      StandardStreams.write(
        "\(unit.offsets.lowerBound.rawValue)\t\(rowCount)\t\(unit.file)\t\(unit.position)\t"
          + "\(unit.byteCount)\n")
    }
  }
}

/// `hyprstream log verify`.
struct LogVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Read all segments and files of old rows, and compare every checksum.",
    discussion: """
      Prints a line for each damaged place, with the segment and the byte. Progress goes to standard \
      error.
      """)

  @OptionGroup var folder: LogFolderOption

  func run() throws {
    try withLog(folder) { log in
      let streams = try StoredStreams(log, cold: folder.cold(log))
      var problems = verify(log)
      if !problems.isEmpty {
        // See `LogFolderOption.open`.
        let again = verify(log)
        problems = problems.filter(again.contains)
      }
      for problem in problems { StandardStreams.write(problem + "\n") }
      guard problems.isEmpty, log.report.problems.isEmpty else { throw ExitCode.failure }
      let files = streams.all.flatMap(\.coldFiles)
      let remote = files.count { $0.checksum == nil }
      if remote > 0 {
        StandardStreams.complain("\(remote) files on other machines were not looked at")
      }
      let cold = files.isEmpty ? "" : ", \(files.count - remote) files of old rows"
      StandardStreams.write(
        "\(log.report.segmentCount) segments\(cold) and \(streams.all.count) streams are as they "
          + "were written\n")
    }
  }

  private func verify(_ log: SegmentLog) -> [String] {
    log.verify { done, count in
      StandardStreams.complain("verified \(done) of \(count) segments")
    }
  }
}

/// The stream of a name, or an error that says which there are.
func find(_ name: String, _ streams: StoredStreams) throws(LogCommandFailure) -> StoredStream {
  if let stream = streams.stream(named: name) { return stream }
  let names = streams.all.map(\.name)
  throw LogCommandFailure(
    "there is no stream '\(name)' in the log"
      + (names.isEmpty ? "" : "; there are \(names.joined(separator: ", "))"))
}
