require "body";
if body { keep; }
if body 1 { keep; }
if body :raw :text "a" { keep; }
if body :content "a" { keep; }
if body :content 1 "a" { keep; }
if body :decoded "a" { keep; }
if body "a" "b" { keep; }
