# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_homer_export_global_optspecs
    string join \n from= to= o/output= force json demo list profile= node= exclude-ip= homer= config= url= login-type= token-header= extra-headers-file= api= timeout-ms= max-window-hours= report= explain= explain-days= redact= show-content= ca-file= export-max-bytes= export-deadline-ms= max-concurrent= h/help V/version
end

function __fish_homer_export_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_homer_export_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_homer_export_using_subcommand
    set -l cmd (__fish_homer_export_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c homer-export -n "__fish_homer_export_needs_command" -l from -d 'Start of the window: Unix milliseconds, RFC 3339, or relative to now (-2h, -1d12h)' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l to -d 'End of the window, in the same forms [default: now]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -s o -l output -d 'File for the capture, or - for standard output [default: the Call-ID with .pcap, without characters that are not safe in a file name]' -r -F
complete -c homer-export -n "__fish_homer_export_needs_command" -l profile -d 'Search profile to query; repeat it for several, which are queried in this order [default: 1_call, 1_registration, 1_default]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l node -d 'Database node to query; repeat it for several [default: all]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l exclude-ip -d 'Leave out messages from or to this IP address; repeat it for several' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l homer -d 'Homer to use: its name in the configuration file' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l config -d 'Configuration file [default: homer-export/config.toml in $XDG_CONFIG_HOME, which is ~/.config if not set]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l url -d 'Homer\'s base URL, with its path prefix if any, for example http://homer:9080 (HOMER_URL)' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l login-type -d 'Where HOMER 11 checks the password; Homer 7 ignores it (HOMER_LOGIN_TYPE) [possible values: internal, ldap] [default: internal]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l token-header -d 'Name of the header field that carries the API token; Auth-Token if not set (HOMER_TOKEN_HEADER)' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l extra-headers-file -d 'File of further header fields for each request to Homer, one `Name: value` per line (HOMER_EXTRA_HEADERS_FILE)' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l api -d 'Version of Homer\'s API; auto detects it (HOMER_API) [possible values: auto, 7, 11] [default: auto]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l timeout-ms -d 'Longest wait for the first byte of a response, in milliseconds (HOMER_TIMEOUT_MS) [default: 120000]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l max-window-hours -d 'Longest time window in hours, inclusive (HOMER_MAX_WINDOW_HOURS) [default: 24]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l report -d 'Whether to analyze the packets; off checks only the file (HOMER_REPORT) [possible values: on, off] [default: on]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l explain -d 'Whether to search Homer, if an export finds nothing, for the reason (HOMER_EXPLAIN) [possible values: on, off] [default: on]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l explain-days -d 'Days before and after the window in which this search looks for the call (HOMER_EXPLAIN_DAYS) [default: 7]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l redact -d 'What to replace in every capture: secrets by asterisks, with numbers also users and numbers by pseudonyms, with addresses also IP addresses (HOMER_REDACT) [possible values: off, secrets, numbers, addresses] [default: off]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l show-content -d 'Whether redaction leaves texts of MESSAGE requests and DTMF digits as they are (HOMER_SHOW_CONTENT) [possible values: off, on] [default: off]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l ca-file -d 'PEM file with the certificates to trust for HTTPS, instead of the system\'s (HOMER_CA_FILE)' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l export-max-bytes -d 'Largest capture in bytes, inclusive (HOMER_EXPORT_MAX_BYTES) [default: 1073741824]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l export-deadline-ms -d 'Longest duration of an export, in milliseconds (HOMER_EXPORT_DEADLINE_MS) [default: 300000]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l max-concurrent -d 'Number of concurrent exports and of their requests to Homer, and more while all of them prove small; further exports are queued (HOMER_MAX_CONCURRENT) [default: 4]' -r
complete -c homer-export -n "__fish_homer_export_needs_command" -l force -d 'Overwrite an existing file'
complete -c homer-export -n "__fish_homer_export_needs_command" -l json -d 'Print the result as JSON'
complete -c homer-export -n "__fish_homer_export_needs_command" -l demo -d 'Use a built-in fake Homer with calls that show classic failures; no configuration needed'
complete -c homer-export -n "__fish_homer_export_needs_command" -l list -d 'List the calls of the demo and exit'
complete -c homer-export -n "__fish_homer_export_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c homer-export -n "__fish_homer_export_needs_command" -s V -l version -d 'Print version'
complete -c homer-export -n "__fish_homer_export_needs_command" -a "find" -d 'Find calls whose Call-ID is not known, and export one of them'
complete -c homer-export -n "__fish_homer_export_needs_command" -a "check" -d 'Check that exports will work: reach Homer, log in, and export a call that does not exist'
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l caller -d 'User in From: the number or name of the caller' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l callee -d 'User in To: the number or name of the callee' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l party -d 'Caller or callee' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l method -d 'Method of the request that begins the call [default: INVITE]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l status -d 'Final status, such as 486, or a class, such as 4xx' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l source -d 'IP address that sent the request' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l destination -d 'IP address that received the request' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l user-agent -d 'User-Agent of the caller; upper and lower case differ' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l callid-prefix -d 'Beginning of the Call-ID; upper and lower case differ' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l from -d 'Start of the window: Unix milliseconds, RFC 3339, or relative to now (-2h, -1d12h)' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l to -d 'End of the window, in the same forms [default: now]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l export -d 'Export the call with this number in the table, instead of printing the table' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -s o -l output -d 'File for the capture, or - for standard output [default: the Call-ID with .pcap, without characters that are not safe in a file name]' -r -F
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l homer -d 'Homer to use: its name in the configuration file' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l config -d 'Configuration file [default: homer-export/config.toml in $XDG_CONFIG_HOME, which is ~/.config if not set]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l url -d 'Homer\'s base URL, with its path prefix if any, for example http://homer:9080 (HOMER_URL)' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l login-type -d 'Where HOMER 11 checks the password; Homer 7 ignores it (HOMER_LOGIN_TYPE) [possible values: internal, ldap] [default: internal]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l token-header -d 'Name of the header field that carries the API token; Auth-Token if not set (HOMER_TOKEN_HEADER)' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l extra-headers-file -d 'File of further header fields for each request to Homer, one `Name: value` per line (HOMER_EXTRA_HEADERS_FILE)' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l api -d 'Version of Homer\'s API; auto detects it (HOMER_API) [possible values: auto, 7, 11] [default: auto]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l timeout-ms -d 'Longest wait for the first byte of a response, in milliseconds (HOMER_TIMEOUT_MS) [default: 120000]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l max-window-hours -d 'Longest time window in hours, inclusive (HOMER_MAX_WINDOW_HOURS) [default: 24]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l report -d 'Whether to analyze the packets; off checks only the file (HOMER_REPORT) [possible values: on, off] [default: on]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l explain -d 'Whether to search Homer, if an export finds nothing, for the reason (HOMER_EXPLAIN) [possible values: on, off] [default: on]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l explain-days -d 'Days before and after the window in which this search looks for the call (HOMER_EXPLAIN_DAYS) [default: 7]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l redact -d 'What to replace in every capture: secrets by asterisks, with numbers also users and numbers by pseudonyms, with addresses also IP addresses (HOMER_REDACT) [possible values: off, secrets, numbers, addresses] [default: off]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l show-content -d 'Whether redaction leaves texts of MESSAGE requests and DTMF digits as they are (HOMER_SHOW_CONTENT) [possible values: off, on] [default: off]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l ca-file -d 'PEM file with the certificates to trust for HTTPS, instead of the system\'s (HOMER_CA_FILE)' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l export-max-bytes -d 'Largest capture in bytes, inclusive (HOMER_EXPORT_MAX_BYTES) [default: 1073741824]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l export-deadline-ms -d 'Longest duration of an export, in milliseconds (HOMER_EXPORT_DEADLINE_MS) [default: 300000]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l max-concurrent -d 'Number of concurrent exports and of their requests to Homer, and more while all of them prove small; further exports are queued (HOMER_MAX_CONCURRENT) [default: 4]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l force -d 'Overwrite an existing file'
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l json -d 'Print the result as JSON'
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -l demo -d 'Use a built-in fake Homer with calls that show classic failures; no configuration needed'
complete -c homer-export -n "__fish_homer_export_using_subcommand find" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l homer -d 'Homer to use: its name in the configuration file' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l config -d 'Configuration file [default: homer-export/config.toml in $XDG_CONFIG_HOME, which is ~/.config if not set]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l url -d 'Homer\'s base URL, with its path prefix if any, for example http://homer:9080 (HOMER_URL)' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l login-type -d 'Where HOMER 11 checks the password; Homer 7 ignores it (HOMER_LOGIN_TYPE) [possible values: internal, ldap] [default: internal]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l token-header -d 'Name of the header field that carries the API token; Auth-Token if not set (HOMER_TOKEN_HEADER)' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l extra-headers-file -d 'File of further header fields for each request to Homer, one `Name: value` per line (HOMER_EXTRA_HEADERS_FILE)' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l api -d 'Version of Homer\'s API; auto detects it (HOMER_API) [possible values: auto, 7, 11] [default: auto]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l timeout-ms -d 'Longest wait for the first byte of a response, in milliseconds (HOMER_TIMEOUT_MS) [default: 120000]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l max-window-hours -d 'Longest time window in hours, inclusive (HOMER_MAX_WINDOW_HOURS) [default: 24]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l report -d 'Whether to analyze the packets; off checks only the file (HOMER_REPORT) [possible values: on, off] [default: on]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l explain -d 'Whether to search Homer, if an export finds nothing, for the reason (HOMER_EXPLAIN) [possible values: on, off] [default: on]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l explain-days -d 'Days before and after the window in which this search looks for the call (HOMER_EXPLAIN_DAYS) [default: 7]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l redact -d 'What to replace in every capture: secrets by asterisks, with numbers also users and numbers by pseudonyms, with addresses also IP addresses (HOMER_REDACT) [possible values: off, secrets, numbers, addresses] [default: off]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l show-content -d 'Whether redaction leaves texts of MESSAGE requests and DTMF digits as they are (HOMER_SHOW_CONTENT) [possible values: off, on] [default: off]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l ca-file -d 'PEM file with the certificates to trust for HTTPS, instead of the system\'s (HOMER_CA_FILE)' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l export-max-bytes -d 'Largest capture in bytes, inclusive (HOMER_EXPORT_MAX_BYTES) [default: 1073741824]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l export-deadline-ms -d 'Longest duration of an export, in milliseconds (HOMER_EXPORT_DEADLINE_MS) [default: 300000]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l max-concurrent -d 'Number of concurrent exports and of their requests to Homer, and more while all of them prove small; further exports are queued (HOMER_MAX_CONCURRENT) [default: 4]' -r
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -l demo -d 'Use a built-in fake Homer with calls that show classic failures; no configuration needed'
complete -c homer-export -n "__fish_homer_export_using_subcommand check" -s h -l help -d 'Print help'
