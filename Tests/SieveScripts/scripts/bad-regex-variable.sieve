require ["regex", "variables"]; set "a" "("; if string :regex "x" "${a}" { keep; }
