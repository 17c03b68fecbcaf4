require ["fileinto", "copy"];
keep "x";
keep 1;
keep :copy;
keep { stop; }
discard "x";
stop "x";
fileinto;
fileinto 1;
fileinto ["a", "b"];
fileinto "a" "b";
fileinto :copy :copy "a";
fileinto :create "a";
fileinto "a";
redirect;
redirect ["a@b.example"];
redirect :copy "nobody";
