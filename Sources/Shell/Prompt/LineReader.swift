/// One line that a person or a file gave.
public enum InputLine: Hashable, Sendable {
  case line(String)
  /// Ctrl-C: what has been typed is given up.
  case interrupted
  /// Ctrl-D or the end of the file.
  case end
}

/// Where lines come from. Reading blocks the thread; `read` and `remember` are used by one task at a time.
public protocol LineReader: Sendable {
  /// - Parameter prompt: Shown to a person; ignored where nobody looks.
  func read(prompt: String) async -> InputLine

  /// Keeps a statement for later sessions.
  func remember(_ text: String)

  /// Words that the person may want to complete from now on. Called at any time, while a line is
  /// being read as well.
  func offer(_ words: [String])
}
