/**
 * One small script a shell. All of them ask `netdock __complete` for candidates (`word<TAB>explanation` a line; a first line
 * `:file` or `:directory` hands over to the shell's own), so that what is completed is decided in one place.
 */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = {
  bash: String.raw`# netdock: completion for bash
_netdock() {
  local word line
  word=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :file) compopt -o default 2>/dev/null ;;
      :directory) compopt -o dirnames 2>/dev/null ;;
      '') ;;
      *) COMPREPLY+=("\${line%%$'\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null)
}
complete -F _netdock netdock
`.replaceAll("\\$", "$"),
  zsh: String.raw`#compdef netdock
# netdock: completion for zsh
_netdock() {
  local line more=''
  local -a candidates
  while IFS= read -r line; do
    case $line in
      :*) more=\${line#:} ;;
      '') ;;
      *$'\t'?*) candidates+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}") ;;
      *) candidates+=("\${\${line%%$'\t'*}//:/\\:}") ;;
    esac
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT-1]}" "\${words[CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe 'netdock' candidates
  case $more in
    file) _files ;;
    directory) _files -/ ;;
  esac
}
if [ "$funcstack[1]" = "_netdock" ]; then
  _netdock "$@"
else
  compdef _netdock netdock
fi
`.replaceAll("\\$", "$"),
  fish: String.raw`# netdock: completion for fish
function __netdock_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (command $words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    for line in $lines
        switch $line
            case ':file'
                __fish_complete_path "$current"
            case ':directory'
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end
complete -c netdock -f -a '(__netdock_complete)'
`,
};
