if header "x-added" "yes" { redirect "z@z.example"; }
