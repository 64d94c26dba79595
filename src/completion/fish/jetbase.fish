# Completion of jetbase for fish. The program itself knows the words: `jetbase complete WORD…`.

function __jetbase_complete
    set -l before (commandline -opc)
    set -l now (commandline -ct)
    set -e before[1]
    set -l lines (command jetbase complete $before "$now" 2>/dev/null)
    if test "$lines[1]" = ":folders"
        __fish_complete_directories "$now"
    else if set -q lines[1]
        printf '%s\n' $lines
    end
end

complete -c jetbase -f -k -a '(__jetbase_complete)'
