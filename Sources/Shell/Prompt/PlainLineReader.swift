/// Reads standard input line by line, without prompts: for pipes and files.
public struct PlainLineReader: LineReader {
  public init() {}

  public func read(prompt: String) async -> InputLine {
    guard let line = readLine(strippingNewline: true) else { return .end }
    return .line(line)
  }

  public func remember(_ text: String) {}

  public func offer(_ words: [String]) {}
}
