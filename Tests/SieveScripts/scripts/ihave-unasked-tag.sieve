require "ihave";
if not true { if ihave "copy" { keep; } }
redirect :copy "ann@one.example";
