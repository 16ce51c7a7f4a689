
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'homer-export' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'homer-export'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'homer-export' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Start of the window: Unix milliseconds, RFC 3339, or relative to now (-2h, -1d12h)')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'End of the window, in the same forms [default: now]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'File for the capture, or - for standard output [default: the Call-ID with .pcap, without characters that are not safe in a file name]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'File for the capture, or - for standard output [default: the Call-ID with .pcap, without characters that are not safe in a file name]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Search profile to query; repeat it for several, which are queried in this order [default: 1_call, 1_registration, 1_default]')
            [CompletionResult]::new('--node', '--node', [CompletionResultType]::ParameterName, 'Database node to query; repeat it for several [default: all]')
            [CompletionResult]::new('--exclude-ip', '--exclude-ip', [CompletionResultType]::ParameterName, 'Leave out messages from or to this IP address; repeat it for several')
            [CompletionResult]::new('--homer', '--homer', [CompletionResultType]::ParameterName, 'Homer to use: its name in the configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: homer-export/config.toml in $XDG_CONFIG_HOME, which is ~/.config if not set]')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Homer''s base URL, with its path prefix if any, for example http://homer:9080 (HOMER_URL)')
            [CompletionResult]::new('--login-type', '--login-type', [CompletionResultType]::ParameterName, 'Where HOMER 11 checks the password; Homer 7 ignores it (HOMER_LOGIN_TYPE) [possible values: internal, ldap] [default: internal]')
            [CompletionResult]::new('--token-header', '--token-header', [CompletionResultType]::ParameterName, 'Name of the header field that carries the API token; Auth-Token if not set (HOMER_TOKEN_HEADER)')
            [CompletionResult]::new('--extra-headers-file', '--extra-headers-file', [CompletionResultType]::ParameterName, 'File of further header fields for each request to Homer, one `Name: value` per line (HOMER_EXTRA_HEADERS_FILE)')
            [CompletionResult]::new('--api', '--api', [CompletionResultType]::ParameterName, 'Version of Homer''s API; auto detects it (HOMER_API) [possible values: auto, 7, 11] [default: auto]')
            [CompletionResult]::new('--timeout-ms', '--timeout-ms', [CompletionResultType]::ParameterName, 'Longest wait for the first byte of a response, in milliseconds (HOMER_TIMEOUT_MS) [default: 120000]')
            [CompletionResult]::new('--max-window-hours', '--max-window-hours', [CompletionResultType]::ParameterName, 'Longest time window in hours, inclusive (HOMER_MAX_WINDOW_HOURS) [default: 24]')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Whether to analyze the packets; off checks only the file (HOMER_REPORT) [possible values: on, off] [default: on]')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Whether to search Homer, if an export finds nothing, for the reason (HOMER_EXPLAIN) [possible values: on, off] [default: on]')
            [CompletionResult]::new('--explain-days', '--explain-days', [CompletionResultType]::ParameterName, 'Days before and after the window in which this search looks for the call (HOMER_EXPLAIN_DAYS) [default: 7]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'What to replace in every capture: secrets by asterisks, with numbers also users and numbers by pseudonyms, with addresses also IP addresses (HOMER_REDACT) [possible values: off, secrets, numbers, addresses] [default: off]')
            [CompletionResult]::new('--show-content', '--show-content', [CompletionResultType]::ParameterName, 'Whether redaction leaves texts of MESSAGE requests and DTMF digits as they are (HOMER_SHOW_CONTENT) [possible values: off, on] [default: off]')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'PEM file with the certificates to trust for HTTPS, instead of the system''s (HOMER_CA_FILE)')
            [CompletionResult]::new('--export-max-bytes', '--export-max-bytes', [CompletionResultType]::ParameterName, 'Largest capture in bytes, inclusive (HOMER_EXPORT_MAX_BYTES) [default: 1073741824]')
            [CompletionResult]::new('--export-deadline-ms', '--export-deadline-ms', [CompletionResultType]::ParameterName, 'Longest duration of an export, in milliseconds (HOMER_EXPORT_DEADLINE_MS) [default: 300000]')
            [CompletionResult]::new('--max-concurrent', '--max-concurrent', [CompletionResultType]::ParameterName, 'Number of concurrent exports and of their requests to Homer, and more while all of them prove small; further exports are queued (HOMER_MAX_CONCURRENT) [default: 4]')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Overwrite an existing file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the result as JSON')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Use a built-in fake Homer with calls that show classic failures; no configuration needed')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List the calls of the demo and exit')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('find', 'find', [CompletionResultType]::ParameterValue, 'Find calls whose Call-ID is not known, and export one of them')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check that exports will work: reach Homer, log in, and export a call that does not exist')
            break
        }
        'homer-export;find' {
            [CompletionResult]::new('--caller', '--caller', [CompletionResultType]::ParameterName, 'User in From: the number or name of the caller')
            [CompletionResult]::new('--callee', '--callee', [CompletionResultType]::ParameterName, 'User in To: the number or name of the callee')
            [CompletionResult]::new('--party', '--party', [CompletionResultType]::ParameterName, 'Caller or callee')
            [CompletionResult]::new('--method', '--method', [CompletionResultType]::ParameterName, 'Method of the request that begins the call [default: INVITE]')
            [CompletionResult]::new('--status', '--status', [CompletionResultType]::ParameterName, 'Final status, such as 486, or a class, such as 4xx')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'IP address that sent the request')
            [CompletionResult]::new('--destination', '--destination', [CompletionResultType]::ParameterName, 'IP address that received the request')
            [CompletionResult]::new('--user-agent', '--user-agent', [CompletionResultType]::ParameterName, 'User-Agent of the caller; upper and lower case differ')
            [CompletionResult]::new('--callid-prefix', '--callid-prefix', [CompletionResultType]::ParameterName, 'Beginning of the Call-ID; upper and lower case differ')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Start of the window: Unix milliseconds, RFC 3339, or relative to now (-2h, -1d12h)')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'End of the window, in the same forms [default: now]')
            [CompletionResult]::new('--export', '--export', [CompletionResultType]::ParameterName, 'Export the call with this number in the table, instead of printing the table')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'File for the capture, or - for standard output [default: the Call-ID with .pcap, without characters that are not safe in a file name]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'File for the capture, or - for standard output [default: the Call-ID with .pcap, without characters that are not safe in a file name]')
            [CompletionResult]::new('--homer', '--homer', [CompletionResultType]::ParameterName, 'Homer to use: its name in the configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: homer-export/config.toml in $XDG_CONFIG_HOME, which is ~/.config if not set]')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Homer''s base URL, with its path prefix if any, for example http://homer:9080 (HOMER_URL)')
            [CompletionResult]::new('--login-type', '--login-type', [CompletionResultType]::ParameterName, 'Where HOMER 11 checks the password; Homer 7 ignores it (HOMER_LOGIN_TYPE) [possible values: internal, ldap] [default: internal]')
            [CompletionResult]::new('--token-header', '--token-header', [CompletionResultType]::ParameterName, 'Name of the header field that carries the API token; Auth-Token if not set (HOMER_TOKEN_HEADER)')
            [CompletionResult]::new('--extra-headers-file', '--extra-headers-file', [CompletionResultType]::ParameterName, 'File of further header fields for each request to Homer, one `Name: value` per line (HOMER_EXTRA_HEADERS_FILE)')
            [CompletionResult]::new('--api', '--api', [CompletionResultType]::ParameterName, 'Version of Homer''s API; auto detects it (HOMER_API) [possible values: auto, 7, 11] [default: auto]')
            [CompletionResult]::new('--timeout-ms', '--timeout-ms', [CompletionResultType]::ParameterName, 'Longest wait for the first byte of a response, in milliseconds (HOMER_TIMEOUT_MS) [default: 120000]')
            [CompletionResult]::new('--max-window-hours', '--max-window-hours', [CompletionResultType]::ParameterName, 'Longest time window in hours, inclusive (HOMER_MAX_WINDOW_HOURS) [default: 24]')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Whether to analyze the packets; off checks only the file (HOMER_REPORT) [possible values: on, off] [default: on]')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Whether to search Homer, if an export finds nothing, for the reason (HOMER_EXPLAIN) [possible values: on, off] [default: on]')
            [CompletionResult]::new('--explain-days', '--explain-days', [CompletionResultType]::ParameterName, 'Days before and after the window in which this search looks for the call (HOMER_EXPLAIN_DAYS) [default: 7]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'What to replace in every capture: secrets by asterisks, with numbers also users and numbers by pseudonyms, with addresses also IP addresses (HOMER_REDACT) [possible values: off, secrets, numbers, addresses] [default: off]')
            [CompletionResult]::new('--show-content', '--show-content', [CompletionResultType]::ParameterName, 'Whether redaction leaves texts of MESSAGE requests and DTMF digits as they are (HOMER_SHOW_CONTENT) [possible values: off, on] [default: off]')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'PEM file with the certificates to trust for HTTPS, instead of the system''s (HOMER_CA_FILE)')
            [CompletionResult]::new('--export-max-bytes', '--export-max-bytes', [CompletionResultType]::ParameterName, 'Largest capture in bytes, inclusive (HOMER_EXPORT_MAX_BYTES) [default: 1073741824]')
            [CompletionResult]::new('--export-deadline-ms', '--export-deadline-ms', [CompletionResultType]::ParameterName, 'Longest duration of an export, in milliseconds (HOMER_EXPORT_DEADLINE_MS) [default: 300000]')
            [CompletionResult]::new('--max-concurrent', '--max-concurrent', [CompletionResultType]::ParameterName, 'Number of concurrent exports and of their requests to Homer, and more while all of them prove small; further exports are queued (HOMER_MAX_CONCURRENT) [default: 4]')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Overwrite an existing file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the result as JSON')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Use a built-in fake Homer with calls that show classic failures; no configuration needed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'homer-export;check' {
            [CompletionResult]::new('--homer', '--homer', [CompletionResultType]::ParameterName, 'Homer to use: its name in the configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: homer-export/config.toml in $XDG_CONFIG_HOME, which is ~/.config if not set]')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Homer''s base URL, with its path prefix if any, for example http://homer:9080 (HOMER_URL)')
            [CompletionResult]::new('--login-type', '--login-type', [CompletionResultType]::ParameterName, 'Where HOMER 11 checks the password; Homer 7 ignores it (HOMER_LOGIN_TYPE) [possible values: internal, ldap] [default: internal]')
            [CompletionResult]::new('--token-header', '--token-header', [CompletionResultType]::ParameterName, 'Name of the header field that carries the API token; Auth-Token if not set (HOMER_TOKEN_HEADER)')
            [CompletionResult]::new('--extra-headers-file', '--extra-headers-file', [CompletionResultType]::ParameterName, 'File of further header fields for each request to Homer, one `Name: value` per line (HOMER_EXTRA_HEADERS_FILE)')
            [CompletionResult]::new('--api', '--api', [CompletionResultType]::ParameterName, 'Version of Homer''s API; auto detects it (HOMER_API) [possible values: auto, 7, 11] [default: auto]')
            [CompletionResult]::new('--timeout-ms', '--timeout-ms', [CompletionResultType]::ParameterName, 'Longest wait for the first byte of a response, in milliseconds (HOMER_TIMEOUT_MS) [default: 120000]')
            [CompletionResult]::new('--max-window-hours', '--max-window-hours', [CompletionResultType]::ParameterName, 'Longest time window in hours, inclusive (HOMER_MAX_WINDOW_HOURS) [default: 24]')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Whether to analyze the packets; off checks only the file (HOMER_REPORT) [possible values: on, off] [default: on]')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Whether to search Homer, if an export finds nothing, for the reason (HOMER_EXPLAIN) [possible values: on, off] [default: on]')
            [CompletionResult]::new('--explain-days', '--explain-days', [CompletionResultType]::ParameterName, 'Days before and after the window in which this search looks for the call (HOMER_EXPLAIN_DAYS) [default: 7]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'What to replace in every capture: secrets by asterisks, with numbers also users and numbers by pseudonyms, with addresses also IP addresses (HOMER_REDACT) [possible values: off, secrets, numbers, addresses] [default: off]')
            [CompletionResult]::new('--show-content', '--show-content', [CompletionResultType]::ParameterName, 'Whether redaction leaves texts of MESSAGE requests and DTMF digits as they are (HOMER_SHOW_CONTENT) [possible values: off, on] [default: off]')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'PEM file with the certificates to trust for HTTPS, instead of the system''s (HOMER_CA_FILE)')
            [CompletionResult]::new('--export-max-bytes', '--export-max-bytes', [CompletionResultType]::ParameterName, 'Largest capture in bytes, inclusive (HOMER_EXPORT_MAX_BYTES) [default: 1073741824]')
            [CompletionResult]::new('--export-deadline-ms', '--export-deadline-ms', [CompletionResultType]::ParameterName, 'Longest duration of an export, in milliseconds (HOMER_EXPORT_DEADLINE_MS) [default: 300000]')
            [CompletionResult]::new('--max-concurrent', '--max-concurrent', [CompletionResultType]::ParameterName, 'Number of concurrent exports and of their requests to Homer, and more while all of them prove small; further exports are queued (HOMER_MAX_CONCURRENT) [default: 4]')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Use a built-in fake Homer with calls that show classic failures; no configuration needed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
