# fish completion for ampt-cli. Generated from the command line by `make docs`. Do not edit.
complete -c ampt-cli -w ampt
