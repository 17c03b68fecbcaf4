require ["imapflags", "fileinto"];
addflag "zero";
setflag ["one", "\\Seen"];
addflag "two";
removeflag "one";
mark;
fileinto "Flagged";
unmark;
keep;
